import assert from "node:assert/strict";
import { REFERENCES, selectKernel } from "../../kernels/mod.ts";
import { buildProgram } from "../../kernels/program.ts";
import { accumulatorBounds } from "../../lib/arith/bounds.ts";
import type { IntegerProblem } from "../../lib/arith/problem.ts";
import { activationQuantization, dequantize, type Quantization, quantize } from "../../lib/arith/quantization.ts";
import { quantizeWeights, weightScales } from "../../lib/arith/weight_quantization.ts";
import type { IntegerTensor, LoweringContext, Operator, OperatorSample } from "../../lib/ops/operator.ts";
import { storageOf } from "../../lib/ops/rescale.ts";
import { allocate } from "../../lib/tensor/dtype.ts";
import { seededRandom } from "../../lib/tensor/random.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { type FloatTensor, type Tensor, tensor } from "../../lib/tensor/tensor.ts";
import { instantiate, SAMPLES } from "./operator_instance.ts";

for (const { operator, sample, title } of SAMPLES) {
  Deno.test(`${title}: inference agrees with forward`, () => {
    const { node, tensors, outputs } = instantiate(operator, sample, seededRandom(1));
    const results = operator.forward(node, tensors, outputs);
    assert.equal(results.length, outputs.length);
    outputs.forEach(({ dtype, shape }, i) => {
      assert.deepEqual([...results[i].shape], [...shape]);
      assert.equal(results[i].dtype, dtype);
      assert.equal(results[i].data.length, sizeOf(shape));
    });
  });

  if (operator.lowerFloat) {
    Deno.test(`${title}: generated float code agrees with forward`, () => {
      const { node, values, tensors, outputs: [output] } = instantiate(operator, sample, seededRandom(2));
      const [x, weight, bias] = tensors as FloatTensor[];
      const expected = (operator.forward(node, tensors, [output])[0] as FloatTensor).data;
      const problem = operator.lowerFloat!(node, weight.data, bias?.data, values[0], output);
      const kernel = selectKernel(problem)!;
      const bytes = 4 * sizeOf(output.shape) + 64;
      const program = buildProgram([{ kernel, problem }], bytes + x.data.byteLength);
      new Float32Array(program.memory.buffer, program.arena + bytes - bytes % 16, x.data.length).set(x.data);
      program.run(0, program.arena, program.arena + bytes - bytes % 16);
      new Float32Array(program.memory.buffer, program.arena, expected.length).forEach((v, i) =>
        assert.ok(Math.abs(v - expected[i]) <= 1e-5 * Math.max(1, Math.abs(expected[i])), `element ${i}`)
      );
    });
  }

  // What a recurrence and an embedding become needs more than a node: tests/lib/quantize/recurrent_test.ts.
  const isAlone = operator.quantization !== "recurrent" && sample.integers === undefined;
  if (operator.lower && isAlone) {
    for (const bits of [2, 4, 8]) {
      Deno.test(`${title}: integers at ${bits} bits are within one step of the float result`, () => {
        checkInteger(operator, sample, bits);
      });
    }
  }
}

function rangeOf(data: ArrayLike<number>): { min: number; max: number } {
  return { min: Math.min(...Array.from(data)), max: Math.max(...Array.from(data)) };
}

/** Quantizes the sample's tensors, lowers the node, runs the reference and compares with forward on the same values. */
function checkInteger(operator: Operator, sample: OperatorSample, bits: number): void {
  const { node, values, tensors, outputs: [output] } = instantiate(operator, sample, seededRandom(40 + bits));
  const computed = values.filter(({ constant }) => constant === undefined);
  const shared = activationQuantization({ min: -2, max: 3 }, bits);
  const held = computed.map(({ shape }, i): IntegerTensor => ({
    shape,
    quantization: operator.quantization === "sharing"
      ? shared
      : activationQuantization(rangeOf(tensors[i].data as Float32Array), bits),
  }));
  const integers = held.map(({ quantization }, i) => {
    const stored = allocate(storageOf(bits), tensors[i].data.length);
    (tensors[i].data as Float32Array).forEach((v, k) => stored[k] = quantize(v, quantization));
    return stored;
  });
  const floats: Tensor[] = tensors.map((content, i) =>
    held[i] ? tensor("f32", content.shape, dequantized(integers[i], held[i].quantization)) : content
  );
  const context: LoweringContext = { inputs: held };
  let target = held[0].quantization;
  if (operator.quantization === "weighted") {
    const weight = tensors[1] as FloatTensor;
    const scales = weightScales(weight.data, weight.shape[0], { bits, perChannel: true, method: "max-abs" });
    const quantized = quantizeWeights(weight.data, scales, bits);
    const length = weight.data.length / scales.length;
    floats[1] = tensor("f32", weight.shape, weight.data.map((_, k) => quantized[k] * scales[Math.floor(k / length)]));
    Object.assign(context, {
      weight: { values: quantized, scales },
      bias: tensors[2] && Float64Array.from((tensors[2] as FloatTensor).data),
    });
  }
  const expected = (operator.forward(node, floats, [output])[0] as FloatTensor).data;
  if (operator.quantization !== "sharing") target = activationQuantization(rangeOf(expected), 8);
  const result: IntegerTensor = { shape: output.shape, quantization: target };
  const problem = operator.lower!(node, { ...context, output: result }, output);
  if (problem === undefined) return assert.equal(sizeOf(output.shape), integers[0].length);
  const found = allocate(storageOf(target.bits), expected.length);
  reference(problem)(problem, integers, found);
  const tolerance = operator.quantization === "sharing" ? 1e-4 : 0.51;
  found.forEach((q, i) => {
    const real = expected[i] / target.scale + target.zeroPoint;
    const clamped = Math.min(Math.max(real, target.low), target.high);
    assert.ok(
      Math.abs(q - clamped) <= tolerance + biasSteps(problem, i, expected.length),
      `element ${i}: ${q} ${real}`,
    );
  });
  if (problem.kind === "convolution") checkAccumulators(problem, integers);
}

/** Half a unit of the accumulator, by which rounding the bias may move a result, in steps of the output. */
function biasSteps(problem: IntegerProblem, element: number, length: number): number {
  if (problem.kind !== "convolution") return 0;
  const channel = element % (length / (length / problem.outputChannels));
  const { multipliers, shifts } = problem.output!;
  return 0.5 * multipliers[channel] / 2 ** shifts[channel];
}

function checkAccumulators(problem: IntegerProblem & { kind: "convolution" }, inputs: Parameters<typeof run>[1]): void {
  const bounds = accumulatorBounds(problem);
  const { outputHeight, outputWidth } = problem.window;
  const accumulators = new Int32Array(outputHeight * outputWidth * problem.outputChannels);
  run({ ...problem, output: undefined }, inputs, accumulators);
  accumulators.forEach((acc, i) => assert.ok(Math.abs(acc) <= bounds[i % problem.outputChannels]));
}

type Stored = ReturnType<typeof allocate<"u8" | "u16" | "i32">>;

function reference(problem: IntegerProblem) {
  return REFERENCES[problem.kind] as (problem: IntegerProblem, inputs: readonly Stored[], output: Stored) => void;
}

function run(problem: IntegerProblem, inputs: readonly Stored[], output: Stored): void {
  reference(problem)(problem, inputs, output);
}

function dequantized(integers: ArrayLike<number>, q: Quantization): Float32Array {
  return Float32Array.from(Array.from(integers), (value) => dequantize(value, q));
}

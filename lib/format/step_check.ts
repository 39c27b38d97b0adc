import { codedWeights, codesFault } from "../arith/binary_codes/weight_codes.ts";
import { STORED_RANGE } from "../arith/bounds.ts";
import { CODED_LENGTH_MAX } from "../arith/online_codes.ts";
import {
  type AveragePoolProblem,
  type ConvolutionProblem,
  type CopyProblem,
  firstStates,
  gateCount,
  hiddenCoding,
  type IntegerProblem,
  isRecurrence,
  type MaxPoolProblem,
  type RecurrentProblem,
  type StoredDType,
  writtenInputs,
} from "../arith/problem.ts";
import { sizeOf } from "../tensor/shape.ts";
import { everyWindowReads, fitsImage } from "../tensor/window.ts";
import type { NetworkTensor } from "./network.ts";

type Fail = (message: string) => never;

/** What a problem takes one of its tensors to be. */
interface Operand {
  readonly elements: number;
  readonly dtype: StoredDType;
  readonly zeroPoint: number;
}

/** What a problem writes: integers of low .. high. */
interface Result extends Operand {
  readonly low: number;
  readonly high: number;
}

/**
 * Refuses a step whose problem does not fit its tensors: number and size of the inputs, dtypes, zero points, and whether
 * what it writes stays in the range that its output tensor declares, on which proofs about later steps rest.
 */
export function checkStep(
  problem: IntegerProblem | undefined,
  inputs: readonly NetworkTensor[],
  output: NetworkTensor,
  fail: Fail,
): void {
  const count = inputCount(problem);
  if (inputs.length !== count) fail(`has ${inputs.length} inputs, its problem takes ${count}`);
  checkProblem(problem, inputs, fail);
  operandsOf(problem, inputs).forEach((operand, i) => checkOperand(inputs[i], operand, fail));
  const result = resultOf(problem, inputs, output);
  checkOperand(output, result, fail);
  if (result.low > result.high || result.low < output.low || result.high > output.high) {
    fail(
      `writes ${result.low} .. ${result.high}, the tensor ${output.name} is declared to hold ${output.low} .. ${output.high}`,
    );
  }
  if (movesIntegers(problem) && inputs[0].scale !== output.scale) {
    fail(`moves integers from ${inputs[0].name} to ${output.name}, whose scales differ; expected the same scale`);
  }
  const wide = inputs.find(({ perChannel }) => perChannel);
  if (
    wide && problem?.kind !== "sum" && !(isRecurrence(problem) && wide === inputs[0])
  ) {
    fail(`reads ${wide.name}, which has a scale per channel; only a sum and the gates of a recurrence can`);
  }
}

function inputCount(problem: IntegerProblem | undefined): number {
  switch (problem?.kind) {
    case "sum":
      return problem.terms.length;
    case "concat":
      return problem.parts.length;
    case "lstm":
    case "gru":
    case "rnn":
      return 1 + writtenInputs(problem).length;
    default:
      return 1;
  }
}

function checkOperand(tensor: NetworkTensor, { elements, dtype, zeroPoint }: Operand, fail: Fail): void {
  const found = sizeOf(tensor.shape);
  if (found !== elements || tensor.dtype !== dtype) {
    fail(`tensor ${tensor.name} is ${tensor.dtype} with ${found} elements, expected ${dtype} with ${elements}`);
  }
  if (tensor.zeroPoint !== zeroPoint) {
    fail(`tensor ${tensor.name} has the zero point ${tensor.zeroPoint}, the problem is made for ${zeroPoint}`);
  }
}

/** Whether a problem passes scale and zero point of its input on. */
function movesIntegers(problem: IntegerProblem | undefined): boolean {
  return problem === undefined || problem.kind === "max_pool" || problem.kind === "copy" ||
    problem.kind === "online_codes";
}

function operandsOf(problem: IntegerProblem | undefined, inputs: readonly NetworkTensor[]): Operand[] {
  const [{ zeroPoint, shape, dtype }] = inputs;
  switch (problem?.kind) {
    case undefined:
      return [{ elements: sizeOf(shape), dtype, zeroPoint }];
    case "convolution": {
      const { window: w, inputChannels, inputZeroPoint } = problem;
      return [{ elements: w.inputHeight * w.inputWidth * inputChannels, dtype: "u8", zeroPoint: inputZeroPoint }];
    }
    case "sum":
      return problem.terms.map((term) => ({ ...term, elements: problem.pixels * problem.channels }));
    case "concat":
      return problem.parts.map((part) => ({ ...part, elements: problem.outer * part.inner }));
    case "max_pool":
      return [{ elements: pooledElements(problem), dtype: problem.dtype, zeroPoint }];
    case "average_pool":
      return [{ elements: pooledElements(problem), dtype: problem.inputDtype, zeroPoint: problem.inputZeroPoint }];
    case "copy":
      return [{ elements: sizeOf(shape), dtype: problem.dtype, zeroPoint }];
    case "gather":
      return [{ elements: problem.count, dtype: "i32", zeroPoint: 0 }];
    case "dynamic_product":
      return [{ elements: problem.positions * problem.inputs, dtype: "i32", zeroPoint: 0 }];
    case "online_codes":
      return [{ elements: problem.vectors * problem.length, dtype: "u8", zeroPoint: problem.zeroPoint }];
    case "table":
      return [{ elements: problem.size, dtype: "u8", zeroPoint }];
    case "lstm":
    case "gru":
    case "rnn": {
      const { steps, batch, hidden } = problem;
      const gates: Operand = { elements: steps * batch * gateCount(problem) * hidden, dtype: "i32", zeroPoint: 0 };
      if (!problem.carriesState) return [gates];
      const hiddenState: Operand = { elements: batch * hidden, dtype: "u8", zeroPoint: problem.output.zeroPoint };
      const wideState: Operand = { elements: batch * hidden, dtype: "i16", zeroPoint: 0 };
      if (problem.kind === "rnn") return [gates, hiddenState];
      return problem.kind === "lstm" ? [gates, hiddenState, wideState] : [gates, wideState];
    }
  }
}

function pooledElements(
  { window: { inputHeight, inputWidth }, channels }: MaxPoolProblem | AveragePoolProblem,
): number {
  return inputHeight * inputWidth * channels;
}

function resultOf(
  problem: IntegerProblem | undefined,
  inputs: readonly NetworkTensor[],
  output: NetworkTensor,
): Result {
  const [{ zeroPoint, shape, dtype, low, high }] = inputs;
  switch (problem?.kind) {
    case undefined:
      return { elements: sizeOf(shape), dtype, zeroPoint, low, high };
    case "convolution": {
      const { outputHeight, outputWidth } = problem.window;
      // Without requantization the accumulators are the result: the proof of no overflow bounds them.
      const range = problem.output ?? { dtype: "i32", zeroPoint: 0, low: output.low, high: output.high };
      return { ...range, elements: outputHeight * outputWidth * problem.outputChannels };
    }
    case "sum":
      return { ...problem.output, elements: problem.pixels * problem.channels };
    case "concat":
      return { ...problem.output, elements: problem.outer * problem.parts.reduce((sum, { inner }) => sum + inner, 0) };
    case "max_pool":
    case "average_pool": {
      const { window: { outputHeight, outputWidth }, channels } = problem;
      const range = problem.kind === "max_pool" ? { dtype: problem.dtype, zeroPoint, low, high } : problem.output;
      return { ...range, elements: outputHeight * outputWidth * channels };
    }
    case "copy": {
      const { targetSize, fill } = problem;
      const isFilled = targetSize > sizeOf(problem.shape);
      return {
        elements: targetSize,
        dtype: problem.dtype,
        zeroPoint,
        low: isFilled ? Math.min(low, fill) : low,
        high: isFilled ? Math.max(high, fill) : high,
      };
    }
    case "gather":
    case "table": {
      const elements = problem.kind === "gather" ? problem.count * problem.width : problem.size;
      // What the table's integers stand for is the output tensor's to say.
      return { elements, dtype: "u8", zeroPoint: output.zeroPoint, ...rangeOf(problem.table) };
    }
    case "online_codes":
      return { ...problem, elements: problem.vectors * problem.length, dtype: "u8" };
    case "dynamic_product":
      return { ...problem.output, elements: problem.positions * problem.outputs };
    case "lstm":
    case "gru":
    case "rnn":
      return { ...problem.output, elements: problem.steps * problem.batch * problem.hidden };
  }
}

function rangeOf(values: Uint8Array): { low: number; high: number } {
  return { low: values.reduce((a, b) => Math.min(a, b)), high: values.reduce((a, b) => Math.max(a, b)) };
}

/** What must hold between the numbers of a problem itself. */
function checkProblem(problem: IntegerProblem | undefined, inputs: readonly NetworkTensor[], fail: Fail): void {
  if (problem === undefined) return;
  if ("window" in problem && !fitsImage(problem.window)) {
    const { outputHeight, outputWidth, inputHeight, inputWidth } = problem.window;
    fail(`its window does not give ${outputHeight}x${outputWidth} positions over a ${inputHeight}x${inputWidth} image`);
  }
  switch (problem.kind) {
    case "convolution":
      return checkConvolution(problem, inputs[0], fail);
    case "average_pool": {
      const missing = problem.divisors.find((divisor) => !problem.rescales.has(divisor));
      if (missing !== undefined) fail(`has no rescaling for the divisor ${missing}`);
      return;
    }
    case "max_pool":
      if (!everyWindowReads(problem.window)) fail("a window lies in the padding altogether, where there is no largest");
      return;
    case "concat":
      return problem.parts.forEach(({ rescale }, i) => {
        const { name, dtype, zeroPoint, low, high } = inputs[i];
        const { output } = problem;
        const fits = dtype === output.dtype && zeroPoint === output.zeroPoint && low >= output.low &&
          high <= output.high;
        if (rescale === undefined && !fits) {
          fail(`copies ${name}, whose dtype, zero point or range is not the output's`);
        }
      });
    case "copy":
      return checkCopy(problem, sizeOf(inputs[0].shape), fail);
    case "lstm":
    case "gru":
    case "rnn":
      return checkRecurrence(problem, inputs, fail);
    case "sum":
    case "gather":
    case "table":
    case "dynamic_product":
    case "online_codes":
      return;
  }
}

/** What keeps the products of gates and cell states within int32, and states within what is declared of them. */
function checkRecurrence(problem: RecurrentProblem, [, ...states]: readonly NetworkTensor[], fail: Fail): void {
  const { output, bias } = problem;
  checkCodes(problem, bias.length, fail);
  const coding = hiddenCoding(problem);
  if (coding && coding.length > CODED_LENGTH_MAX) {
    fail(`its h has ${coding.length} elements, codes are found for at most ${CODED_LENGTH_MAX}`);
  }
  const negative = problem.kind === "rnn" ? undefined : problem.gateTable.find((value) => value < 0);
  if (negative !== undefined) fail(`its gate table holds ${negative}, a gate is never negative`);
  const { low, high } = STORED_RANGE.u8;
  const { hidden, state } = firstStates(problem);
  if (problem.carriesState && (hidden ?? state) !== undefined) fail("carries its states, and begins with others");
  if (output.zeroPoint < low || output.zeroPoint > high) fail(`the zero point ${output.zeroPoint} is not a u8`);
  for (const state of states) {
    const written = state.dtype === "u8" ? output : STORED_RANGE.i16;
    if (state.low <= written.low && state.high >= written.high) continue;
    fail(
      `overwrites ${state.name} with ${written.low} .. ${written.high}, it is declared to hold ` +
        `${state.low} .. ${state.high}`,
    );
  }
}

function checkConvolution(problem: ConvolutionProblem, input: NetworkTensor, fail: Fail): void {
  const { inputChannels, outputChannels, groups } = problem;
  if (inputChannels % groups !== 0 || outputChannels % groups !== 0) {
    fail(`${groups} groups do not divide ${inputChannels} input and ${outputChannels} output channels`);
  }
  checkCodes(problem, outputChannels, fail);
  checkActivations(problem, input, fail);
}

/** Codes are legal, and the weights are what they say. */
function checkCodes(
  { codes, weights }: Pick<ConvolutionProblem, "codes" | "weights">,
  rows: number,
  fail: Fail,
): void {
  if (codes === undefined) return;
  const columns = weights.length / rows;
  const fault = codesFault(codes, rows, columns);
  if (fault !== undefined) fail(fault);
  const different = codedWeights(codes, rows, columns).findIndex((weight, i) => weight !== weights[i]);
  if (different < 0) return;
  fail(`weight ${different % columns} of row ${Math.floor(different / columns)} is not what its codes say`);
}

/** The input of a product holds what its sums were proven for. */
function checkActivations(
  { inputHigh, inputZeroPoint }: Pick<ConvolutionProblem, "inputHigh" | "inputZeroPoint">,
  input: NetworkTensor,
  fail: Fail,
): void {
  if (input.low < 0 || input.high > inputHigh || inputHigh > STORED_RANGE.u8.high) {
    fail(`tensor ${input.name} holds ${input.low} .. ${input.high}, the step is made for 0 .. ${inputHigh}`);
  }
  if (inputZeroPoint > inputHigh) {
    fail(`the zero point ${inputZeroPoint} of its input is outside 0 .. ${inputHigh}`);
  }
}

/** Both sides stay within their tensors, and no element is written twice, so that the order of moves does not matter. */
function checkCopy(problem: CopyProblem, sourceSize: number, fail: Fail): void {
  const { shape, dtype, fill, sourceOffset, sourceStrides, targetOffset, targetStrides, targetSize } = problem;
  if (sourceStrides.length !== shape.length || targetStrides.length !== shape.length) {
    fail(`copies ${shape.length} axes with ${sourceStrides.length} and ${targetStrides.length} strides`);
  }
  const lastOf = (offset: number, strides: readonly number[]): number =>
    shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis], offset);
  if (lastOf(sourceOffset, sourceStrides) >= sourceSize) {
    fail(`copies from beyond the ${sourceSize} elements of its input`);
  }
  if (lastOf(targetOffset, targetStrides) >= targetSize) {
    fail(`copies to beyond the ${targetSize} elements of its output`);
  }
  let span = 0; // the farthest that the axes seen so far reach
  const axes = shape.map((extent, axis) => ({ extent, stride: targetStrides[axis] })).filter(({ extent }) =>
    extent > 1
  );
  for (const { extent, stride } of axes.sort((a, b) => a.stride - b.stride)) {
    if (stride <= span) fail("copies several elements to one place");
    span += (extent - 1) * stride;
  }
  const { low, high } = STORED_RANGE[dtype];
  if (fill < low || fill > high) fail(`fills with ${fill}, which ${dtype} does not hold`);
}

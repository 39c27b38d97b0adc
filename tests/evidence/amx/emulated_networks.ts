/**
 * Run under the emulator of tiles: the self-test of all native kernels, and convolutional networks as one native program
 * each, whose every layer is compared with the reference. Prints a row for each as JSON.
 */
import assert from "node:assert/strict";
import { runReference } from "../../../kernels/mod.ts";
import { align } from "../../../kernels/program_layout.ts";
import { type CpuFeature, featuresHere } from "../../../kernels/x64/cpu_features.ts";
import { nativeKernelsFor, selectNativeKernel } from "../../../kernels/x64/mod.ts";
import { buildNativeProgram } from "../../../kernels/x64/native_program.ts";
import { faultyKernels } from "../../../kernels/x64/self_test.ts";
import type { ConvolutionProblem } from "../../../lib/arith/problem.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { emulatedInstructions } from "../../kernels/x64/amx/emulator.ts";
import { type Layer, NETWORKS } from "./networks.ts";

/** The processor as it would be with tiles. */
const FEATURES: readonly CpuFeature[] = [...featuresHere(), "amx_tile", "amx_int8"];

const random = seededRandom(1);
const integers = (length: number, low: number, high: number) => Array.from({ length }, () => random.integer(low, high));

/** A layer with random weights, scaled so that outputs lie within 0..255. */
function problemOf({ extent, kernel, stride, inputs, outputs, groups }: Layer): ConvolutionProblem {
  const pad = kernel >> 1;
  const output = Math.floor((extent + 2 * pad - kernel) / stride) + 1;
  const products = kernel * kernel * inputs / groups;
  // Standard deviation of sums: products of uniform integers in -127..127 and 0..255 around 128.
  const deviation = 74 * 74 * Math.sqrt(products);
  const shift = 31 + Math.floor(Math.log2(deviation / 64));
  return {
    kind: "convolution",
    window: {
      inputHeight: extent,
      inputWidth: extent,
      outputHeight: output,
      outputWidth: output,
      kernelHeight: kernel,
      kernelWidth: kernel,
      strideY: stride,
      strideX: stride,
      dilationY: 1,
      dilationX: 1,
      padTop: pad,
      padLeft: pad,
      padBottom: pad,
      padRight: pad,
    },
    inputChannels: inputs,
    outputChannels: outputs,
    groups,
    inputZeroPoint: 128,
    inputHigh: 255,
    weights: Int8Array.from(integers(outputs * products, -127, 127)),
    bias: Int32Array.from(integers(outputs, -1000, 1000)),
    output: {
      dtype: "u8",
      zeroPoint: 128,
      low: 0,
      high: 255,
      multipliers: Int32Array.from(integers(outputs, 2 ** 30, 2 ** 31 - 1)),
      shifts: new Uint8Array(outputs).fill(shift),
    },
  };
}

/** Runs all layers in one call of native code, each on an input of its own. */
function compare(name: string, layers: readonly Layer[]) {
  const cases = layers.map((layer) => {
    const problem = problemOf(layer);
    const { inputHeight, inputWidth, outputHeight, outputWidth } = problem.window;
    return {
      problem,
      kernel: selectNativeKernel(problem, FEATURES)!,
      input: Uint8Array.from(integers(inputHeight * inputWidth * layer.inputs, 0, 255)),
      output: new Uint8Array(outputHeight * outputWidth * layer.outputs),
    };
  });
  let bytes = 0;
  const reserve = (length: number): number => {
    const at = bytes;
    bytes += align(length + 64);
    return at;
  };
  const places = cases.map(({ input, output }) => ({ input: reserve(input.length), output: reserve(output.length) }));
  const program = buildNativeProgram(cases, bytes);
  const arena = new Uint8Array(program.memory.buffer, program.arena, bytes);
  cases.forEach(({ input }, i) => arena.set(input, places[i].input));
  const before = emulatedInstructions();
  const [run] = program.link([
    places.map(({ input, output }, entry) => ({
      entry,
      inputs: [program.arena + input],
      output: program.arena + output,
    })),
  ]);
  run();
  const instructions = Number(emulatedInstructions() - before);
  let integersCompared = 0;
  cases.forEach(({ problem, kernel, input, output }, i) => {
    runReference(problem, [input], output);
    const found = arena.slice(places[i].output, places[i].output + output.length);
    assert.deepEqual(found, output, `${name}, layer ${i} by ${kernel.name}`);
    integersCompared += output.length;
  });
  const byTiles = cases.filter(({ kernel }) => kernel.features?.includes("amx_int8"));
  const products = (of: typeof cases): number =>
    of.reduce((sum, { problem: { weights, outputChannels }, output }) => {
      return sum + weights.length * output.length / outputChannels;
    }, 0);
  return {
    network: name,
    layers: cases.length,
    byTiles: byTiles.length,
    shareOfProducts: Number((products(byTiles) / products(cases)).toFixed(3)),
    instructions,
    integersCompared,
  };
}

assert.deepEqual(faultyKernels(nativeKernelsFor(FEATURES)), [], "the self-test finds faults");
console.log(JSON.stringify(Object.entries(NETWORKS).map(([name, layers]) => compare(name, layers))));

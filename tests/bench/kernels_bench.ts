/**
 * Speed of the WebAssembly convolution kernels on layers of well-known networks, integer against float, and of the
 * gradients of the float ones, one core:
 *
 *     deno run -A tests/bench/kernels_bench.ts [part of a layer's name]
 *
 * Prints GMAC/s of the median sample, the tenth and ninetieth percentile, and the same of the scalar reference. The
 * multiplications counted are the convolution's in every column: those of an input gradient with the zeros that strides
 * leave are not. Then nanoseconds for each weight that `replaceWeights` and `transposeWeights` move.
 */
import { selectKernel } from "../../kernels/mod.ts";
import { convolution } from "../../kernels/convolution/reference.ts";
import { buildProgram } from "../../kernels/program.ts";
import type { ConvolutionProblem, FloatConvolutionProblem } from "../../lib/arith/problem.ts";
import { inputGradientProblem, transposeWeights, weightGradientProblem } from "../../lib/arith/problem_gradients.ts";
import { seededRandom } from "../../lib/tensor/random.ts";
import type { Window } from "../../lib/tensor/window.ts";
import { loadKernel } from "../kernels/run_kernel.ts";

interface Layer {
  readonly name: string;
  /** Height and width of the square input. */
  readonly size: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly groups?: number;
}

const LAYERS: readonly Layer[] = [
  { name: "resnet20 stage 1, 3x3", size: 28, inputs: 16, outputs: 16, kernel: 3 },
  { name: "resnet20 3x3, stride 2", size: 28, inputs: 16, outputs: 32, kernel: 3, stride: 2 },
  { name: "resnet20 stage 2, 3x3", size: 14, inputs: 32, outputs: 32, kernel: 3 },
  { name: "resnet20 stage 3, 3x3", size: 7, inputs: 64, outputs: 64, kernel: 3 },
  { name: "mobilenet 1x1", size: 14, inputs: 96, outputs: 24, kernel: 1 },
  { name: "mobilenet depthwise 3x3", size: 14, inputs: 144, outputs: 144, kernel: 3, groups: 144 },
  { name: "resnet18 stem, 7x7", size: 224, inputs: 3, outputs: 64, kernel: 7, stride: 2 },
  { name: "resnet18 stage 1, 3x3", size: 56, inputs: 64, outputs: 64, kernel: 3 },
  { name: "resnet18 stage 4, 3x3", size: 7, inputs: 512, outputs: 512, kernel: 3 },
  { name: "resnet18 classifier", size: 1, inputs: 512, outputs: 1000, kernel: 1 },
];

const random = seededRandom(1);

function normals(length: number): Float32Array {
  return Float32Array.from({ length }, () => random.normal());
}

function windowOf({ size, kernel, stride = 1 }: Layer): Window {
  const pad = kernel >> 1;
  const output = Math.floor((size + 2 * pad - kernel) / stride) + 1;
  return {
    inputHeight: size,
    inputWidth: size,
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
  };
}

function problemsOf(layer: Layer): { integer: ConvolutionProblem; float: FloatConvolutionProblem; macs: number } {
  const { inputs, outputs, kernel, groups = 1 } = layer;
  const window = windowOf(layer);
  const count = outputs * kernel * kernel * inputs / groups;
  const shape = { window, inputChannels: inputs, outputChannels: outputs, groups };
  const integer: ConvolutionProblem = {
    kind: "convolution",
    ...shape,
    inputZeroPoint: 3,
    inputHigh: 255,
    weights: Int8Array.from({ length: count }, () => random.integer(-127, 127)),
    bias: Int32Array.from({ length: outputs }, () => random.integer(-1000, 1000)),
    output: {
      dtype: "u8",
      zeroPoint: 0,
      low: 0,
      high: 255,
      multipliers: Int32Array.from({ length: outputs }, () => random.integer(2 ** 30, 2 ** 31 - 1)),
      shifts: Uint8Array.from({ length: outputs }, () => random.integer(41, 43)),
    },
  };
  const float: FloatConvolutionProblem = {
    kind: "float_convolution",
    ...shape,
    weights: normals(count),
    bias: new Float32Array(outputs),
    low: 0,
    high: Infinity,
  };
  return { integer, float, macs: window.outputHeight * window.outputWidth * count };
}

const WARM_UP_MS = 150;
const SAMPLE_MS = 2;
const SAMPLES = 60;
const SCALAR_SAMPLES = 5;

/** Milliseconds per call, sorted. */
function measure(call: () => void, samples: number): number[] {
  const start = performance.now();
  let calls = 0;
  for (; performance.now() - start < WARM_UP_MS; calls++) call();
  const repeats = Math.max(1, Math.ceil(SAMPLE_MS * calls / WARM_UP_MS));
  const times = Array.from({ length: samples }, () => {
    const begin = performance.now();
    for (let i = 0; i < repeats; i++) call();
    return (performance.now() - begin) / repeats;
  });
  return times.sort((a, b) => a - b);
}

function speeds(times: readonly number[], macs: number): string {
  const at = (quantile: number): string => (macs / times[Math.floor(quantile * times.length)] / 1e6).toFixed(2);
  return `${at(0.5).padStart(6)} (${at(0.1)} .. ${at(0.9)})`.padEnd(24);
}

/** Nanoseconds per weight of moving a layer's weights into a program, and of transposing them. */
function weightTimes(problem: FloatConvolutionProblem): string {
  const program = buildProgram([{ kernel: selectKernel(problem)!, problem }], 0);
  const target = new Float32Array(problem.weights.length);
  const moves = [
    () => program.replaceWeights(0, problem.weights),
    () => void transposeWeights(problem, problem.weights, target),
  ];
  return moves.map((move) => (1e6 * measure(move, SAMPLES)[SAMPLES >> 1] / target.length).toFixed(2)).join(" ");
}

/** A float kernel on random inputs. */
function floatCall(problem: FloatConvolutionProblem): () => void {
  const { window: w, inputChannels, outputChannels } = problem;
  const input = normals(w.inputHeight * w.inputWidth * inputChannels);
  return loadKernel(selectKernel(problem)!, problem, [input], 4 * w.outputHeight * w.outputWidth * outputChannels).call;
}

function weightGradientCall(problem: FloatConvolutionProblem): () => void {
  const { window: w, inputChannels, outputChannels, weights } = problem;
  const input = normals(w.inputHeight * w.inputWidth * inputChannels);
  const gradient = normals(w.outputHeight * w.outputWidth * outputChannels);
  const ofWeights = weightGradientProblem(problem);
  return loadKernel(selectKernel(ofWeights)!, ofWeights, [input, gradient], 4 * weights.length).call;
}

const HEADS = ["int8", "float32", "input gradient", "weight gradient", "scalar int8"];
console.log(
  `${"layer".padEnd(26)}${HEADS.map((head) => head.padEnd(24)).join("")}ns/weight   GMAC/s: median (10 %, 90 %)`,
);
for (const layer of LAYERS.filter(({ name }) => name.includes(Deno.args[0] ?? ""))) {
  const { integer, float, macs } = problemsOf(layer);
  const { inputHeight, inputWidth, outputHeight, outputWidth } = integer.window;
  const output = new Uint8Array(outputHeight * outputWidth * layer.outputs);
  const bytes = Uint8Array.from({ length: inputHeight * inputWidth * layer.inputs }, () => random.integer(0, 255));
  const calls = [
    loadKernel(selectKernel(integer)!, integer, [bytes], output.byteLength).call,
    floatCall(float),
    floatCall(inputGradientProblem(float).problem),
    weightGradientCall(float),
  ];
  const columns = calls.map((call) => speeds(measure(call, SAMPLES), macs));
  columns.push(speeds(measure(() => convolution(integer, [bytes], output), SCALAR_SAMPLES), macs), weightTimes(float));
  console.log(`${layer.name.padEnd(26)}${columns.join("")}`);
}

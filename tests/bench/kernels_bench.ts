/**
 * Speed of the WebAssembly convolution kernels on layers of well-known networks, integer against float, one core:
 *
 *     deno run -A tests/bench/kernels_bench.ts [part of a layer's name]
 *
 * Prints GMAC/s of the median sample, the tenth and ninetieth percentile, and the same of the scalar reference.
 */
import { selectKernel } from "../../kernels/mod.ts";
import { convolution } from "../../kernels/convolution/reference.ts";
import type { ConvolutionProblem, FloatConvolutionProblem } from "../../lib/arith/problem.ts";
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
    weights: Float32Array.from({ length: count }, () => random.normal()),
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

console.log(
  `${"layer".padEnd(26)}${"int8".padEnd(24)}${"float32".padEnd(24)}scalar int8   GMAC/s: median (10 %, 90 %)`,
);
for (const layer of LAYERS.filter(({ name }) => name.includes(Deno.args[0] ?? ""))) {
  const { integer, float, macs } = problemsOf(layer);
  const { inputHeight, inputWidth, outputHeight, outputWidth } = integer.window;
  const inputSize = inputHeight * inputWidth * layer.inputs;
  const output = new Uint8Array(outputHeight * outputWidth * layer.outputs);
  const bytes = Uint8Array.from({ length: inputSize }, () => random.integer(0, 255));
  const floats = Float32Array.from(bytes);
  const integerRun = loadKernel(selectKernel(integer)!, integer, [bytes], output.byteLength);
  const floatRun = loadKernel(selectKernel(float)!, float, [floats], 4 * output.length);
  const columns = [integerRun, floatRun].map(({ call }) => speeds(measure(call, SAMPLES), macs));
  const scalar = measure(() => convolution(integer, [bytes], output), SCALAR_SAMPLES);
  columns.push(speeds(scalar, macs));
  console.log(`${layer.name.padEnd(26)}${columns.join("")}`);
}

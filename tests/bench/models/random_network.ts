import { seededRandom } from "../../../lib/tensor/random.ts";
import { sizeOf } from "../../../lib/tensor/shape.ts";
import { int, ints } from "../../lib/onnx/sample_model.ts";
import { OnnxWriter } from "./onnx_writer.ts";

/** A value of a network under construction: channels, height and width of an image, or channels alone. */
export interface Activation {
  readonly name: string;
  /** Behind the batch axis. */
  readonly shape: readonly number[];
}

export interface ConvOptions {
  readonly outputs: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly groups?: number;
  /** Default none. */
  readonly activation?: "Relu" | "Relu6";
  /** Factor of the weights beside that which keeps the variance of activations. Default 1. */
  readonly gain?: number;
}

const INPUT = "input";
const OUTPUT = "logits";

/**
 * A convolutional network with random weights, as exporters write trained ones: batch normalization folded into the
 * convolutions. Weights are normal with variance 2 / fan-in (He et al., arXiv 1502.01852, equation 10), so that activations
 * neither vanish nor explode; the last convolution of a residual branch takes a smaller gain.
 */
export class RandomNetwork {
  readonly input: Activation;
  readonly #writer: OnnxWriter;
  readonly #random: ReturnType<typeof seededRandom>;
  #count = 0;

  constructor(name: string, shape: readonly number[], seed: number) {
    this.#writer = new OnnxWriter(name);
    this.#random = seededRandom(seed);
    this.input = { name: INPUT, shape };
  }

  conv(x: Activation, { outputs, kernel, stride = 1, groups = 1, activation, gain = 1 }: ConvOptions): Activation {
    const [inputs, height, width] = x.shape;
    const pad = kernel >> 1;
    const extent = (size: number): number => Math.floor((size + 2 * pad - kernel) / stride) + 1;
    const name = this.#name("conv");
    const fanIn = inputs / groups * kernel * kernel;
    const weight = this.#normals(
      `${name}.weight`,
      [outputs, inputs / groups, kernel, kernel],
      gain * Math.sqrt(2 / fanIn),
    );
    const bias = this.#normals(`${name}.bias`, [outputs], 0.1);
    this.#writer.node("Conv", [x.name, weight, bias], name, [
      ints("kernel_shape", [kernel, kernel]),
      ints("strides", [stride, stride]),
      ints("pads", [pad, pad, pad, pad]),
      int("group", groups),
    ]);
    return this.#activate({ name, shape: [outputs, extent(height), extent(width)] }, activation);
  }

  add(a: Activation, b: Activation, activation?: "Relu"): Activation {
    const name = this.#writer.node("Add", [a.name, b.name], this.#name("add"));
    return this.#activate({ name, shape: a.shape }, activation);
  }

  /** 3x3 windows, stride 2, padding 1. */
  maxPool(x: Activation): Activation {
    const attributes = [ints("kernel_shape", [3, 3]), ints("strides", [2, 2]), ints("pads", [1, 1, 1, 1])];
    const name = this.#writer.node("MaxPool", [x.name], this.#name("pool"), attributes);
    const [channels, height, width] = x.shape;
    return { name, shape: [channels, (height + 1) >> 1, (width + 1) >> 1] };
  }

  /** The mean over each channel, then a matrix product; the file. */
  finish(x: Activation, classes: number): Uint8Array {
    const pooled = this.#writer.node("GlobalAveragePool", [x.name], this.#name("mean"));
    const [inputs] = x.shape;
    const flat = this.#writer.node("Flatten", [pooled], this.#name("flat"), [int("axis", 1)]);
    const weight = this.#normals("classifier.weight", [classes, inputs], Math.sqrt(1 / inputs));
    const bias = this.#normals("classifier.bias", [classes], 0.1);
    this.#writer.node("Gemm", [flat, weight, bias], OUTPUT, [int("transB", 1)]);
    return this.#file([classes]);
  }

  #file(output: readonly number[]): Uint8Array {
    return this.#writer.finish({ name: INPUT, shape: [1, ...this.input.shape] }, {
      name: OUTPUT,
      shape: [1, ...output],
    });
  }

  #activate(x: Activation, activation: ConvOptions["activation"]): Activation {
    if (activation === undefined) return x;
    const output = this.#name("act");
    if (activation === "Relu") this.#writer.node("Relu", [x.name], output);
    else {
      const bounds = [0, 6].map((bound) =>
        this.#writer.constant(`${output}.${bound}`, "f32", [], Float32Array.of(bound))
      );
      this.#writer.node("Clip", [x.name, ...bounds], output);
    }
    return { name: output, shape: x.shape };
  }

  #normals(name: string, dims: readonly number[], deviation: number): string {
    const data = Float32Array.from({ length: sizeOf(dims) }, () => deviation * this.#random.normal());
    return this.#writer.constant(name, "f32", dims, data);
  }

  #name(kind: string): string {
    return `${kind}${++this.#count}`;
  }
}

import { activationQuantization, type Quantization } from "../../../lib/arith/quantization.ts";
import { quantizeWeights, weightScales } from "../../../lib/arith/weight_quantization.ts";
import { type Calibration, rangeOf } from "../../../lib/format/calibration.ts";
import { type Graph, type Node, readersOf, valueOf } from "../../../lib/ir/graph.ts";
import type { AveragePoolAttributes } from "../../../lib/ops/average_pool.ts";
import type { ConvAttributes } from "../../../lib/ops/conv.ts";
import { type Layer, layersOf } from "../../../lib/ops/layers.ts";
import type { WindowAttributes } from "../../../lib/ops/window_attributes.ts";
import { int, ints } from "../../lib/onnx/sample_model.ts";
import { type Attribute, MICROSOFT, OnnxWriter } from "./onnx_writer.ts";

/** 8 bits everywhere. */
const BITS = 8;

/**
 * A canonical graph as ONNX Runtime runs int8 networks fastest: QOperator format, uint8 activations, int8 weights with a
 * scale for each output channel, activation functions in the ranges of what they follow. Input and output are float.
 * Max pools, reshapes and concatenations share the scale of their inputs where nothing else reads those. Other plausible
 * forms are no faster: QDQ takes the same time, uint8 weights more than twice (ResNet18, onnxruntime 1.32, AVX-512 VNNI).
 * @throws Error for an operator that has no such form.
 */
export function qoperatorModel(graph: Graph, calibration: Calibration): Uint8Array {
  return new Converter(graph, calibration).run();
}

class Converter {
  readonly #writer: OnnxWriter;
  readonly #layers: ReadonlyMap<string, Layer>;
  readonly #readers: ReadonlyMap<string, Node[]>;
  readonly #written = new Set<string>();

  constructor(private readonly graph: Graph, private readonly calibration: Calibration) {
    this.#writer = new OnnxWriter(graph.name);
    this.#layers = new Map(layersOf(graph).map((layer) => [layer.name, layer]));
    this.#readers = readersOf(graph);
  }

  run(): Uint8Array {
    const { graph } = this;
    const [input] = graph.inputs;
    const [output] = graph.outputs;
    this.#writer.node("QuantizeLinear", [input, ...this.#parameters(input)], quantized(input));
    for (const node of graph.nodes) this.#convert(node);
    const isFloat = graph.nodes.some(({ op, outputs }) => op === "Gemm" && outputs[0] === output);
    if (!isFloat) this.#writer.node("DequantizeLinear", this.#operand(output), output);
    return this.#writer.finish(valueOf(graph, input), valueOf(graph, output));
  }

  #convert(node: Node): void {
    const output = node.outputs[0];
    const { op, inputs } = node;
    const write = (
      type: string,
      operands: readonly string[],
      attributes: readonly Attribute[],
      domain?: string,
    ): void => void this.#writer.node(type, operands, quantized(output), attributes, domain);
    if (op === "Conv") {
      const { groups, ...window } = node.attributes as unknown as ConvAttributes; // of this operator
      const { weights, bias } = this.#weights(node);
      const operands = [...this.#operand(inputs[0]), ...weights, ...this.#parameters(output), bias];
      write("QLinearConv", operands, [...windowAttributes(window), int("group", groups)]);
    } else if (op === "Gemm") {
      const { weights, bias } = this.#weights(node);
      const isLast = this.graph.outputs.includes(output);
      const operands = [...this.#operand(inputs[0]), ...weights, bias, ...isLast ? [] : this.#parameters(output)];
      this.#writer.node("QGemm", operands, isLast ? output : quantized(output), [int("transB", 1)], MICROSOFT);
    } else if (op === "Add" && inputs.length === 2) {
      write("QLinearAdd", [...inputs.flatMap((x) => this.#operand(x)), ...this.#parameters(output)], [], MICROSOFT);
    } else if (op === "Concat") {
      const axis = int("axis", node.attributes.axis as number); // of this operator
      write(
        "QLinearConcat",
        [...this.#parameters(output), ...inputs.flatMap((x) => this.#operand(x))],
        [axis],
        MICROSOFT,
      );
    } else if (op === "MaxPool") {
      write("MaxPool", [quantized(inputs[0])], windowAttributes(node.attributes as unknown as WindowAttributes)); // of this operator
    } else if (op === "AveragePool") {
      this.#averagePool(node, write);
    } else if (op === "Reshape") {
      const extents = BigInt64Array.from(
        valueOf(this.graph, output).shape,
        (extent, axis) => axis === 0 ? 0n : BigInt(extent),
      );
      const shape = this.#writer.constant(`${output}.shape`, "i64", [extents.length], extents);
      write("Reshape", [quantized(inputs[0]), shape], []);
    } else throw new Error(`${node.name}: ${op} of ${inputs.length} inputs has no form of QOperator here`);
  }

  #averagePool(node: Node, write: (type: string, operands: string[], attributes: Attribute[], domain: string) => void) {
    const { countIncludePad, ...window } = node.attributes as unknown as AveragePoolAttributes; // of this operator
    const [, , height, width] = valueOf(this.graph, node.inputs[0]).shape;
    const operands = [...this.#operand(node.inputs[0]), ...this.#parameters(node.outputs[0])];
    const isGlobal = window.kernel[0] === height && window.kernel[1] === width && window.pads.every((pad) => pad === 0);
    if (isGlobal) return write("QLinearGlobalAveragePool", operands, [], MICROSOFT);
    const attributes = [...windowAttributes(window, false), int("count_include_pad", Number(countIncludePad))];
    write("QLinearAveragePool", operands, attributes, MICROSOFT);
  }

  /** Names of a layer's integers, scales and zero points, and of its bias in units of the product of scales. */
  #weights(node: Node): { weights: string[]; bias: string } {
    const { name, weight, bias } = this.#layers.get(node.name)!;
    const [channels] = weight.shape;
    const scales = weightScales(weight.data, channels, { bits: BITS, perChannel: true, method: "max-abs" });
    const inputScale = this.#quantization(node.inputs[0]).scale;
    const integers = Int32Array.from(scales, (scale, c) => Math.round((bias?.data[c] ?? 0) / (scale * inputScale)));
    const writer = this.#writer;
    return {
      weights: [
        writer.constant(`${name}.weight`, "i8", weight.shape, quantizeWeights(weight.data, scales, BITS)),
        writer.constant(`${name}.weight scale`, "f32", [channels], Float32Array.from(scales)),
        writer.constant(`${name}.weight zero`, "i8", [channels], new Int8Array(channels)),
      ],
      bias: writer.constant(`${name}.bias`, "i32", [channels], integers),
    };
  }

  /** A value's integers, scale and zero point. */
  #operand(value: string): string[] {
    return [quantized(value), ...this.#parameters(value)];
  }

  #parameters(value: string): string[] {
    const names = [`${value} scale`, `${value} zero`];
    if (!this.#written.has(value)) {
      this.#written.add(value);
      const { scale, zeroPoint } = this.#quantization(value);
      this.#writer.constant(names[0], "f32", [], Float32Array.of(scale));
      this.#writer.constant(names[1], "u8", [], Uint8Array.of(zeroPoint));
    }
    return names;
  }

  #quantization(value: string): Quantization {
    const range = rangeOf(this.calibration, this.#rangeSource(value), this.calibration.method, BITS);
    return activationQuantization(range, BITS);
  }

  /** The value whose range a value takes over. */
  #rangeSource(value: string): string {
    const readers = this.#readers.get(value) ?? [];
    if (readers.length === 1 && readers[0].op === "Concat") return this.#rangeSource(readers[0].outputs[0]);
    const producer = this.graph.nodes.find(({ outputs }) => outputs.includes(value));
    if (producer?.op === "MaxPool" || producer?.op === "Reshape") return this.#rangeSource(producer.inputs[0]);
    return value;
  }
}

/** The integers of a value. */
function quantized(value: string): string {
  return `${value} quantized`;
}

function windowAttributes(
  { kernel, strides, dilations, pads, ceilMode }: WindowAttributes,
  isDilated = true,
): Attribute[] {
  return [
    ints("kernel_shape", kernel),
    ints("strides", strides),
    ints("pads", pads),
    ...isDilated ? [ints("dilations", dilations)] : [],
    ...ceilMode ? [int("ceil_mode", 1)] : [],
  ];
}

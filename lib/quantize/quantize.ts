import {
  accumulatorBounds,
  gatesFitInt64,
  maxMagnitude,
  overflowingChannel,
  recurrentBounds,
  sumFitsInt64,
} from "../arith/bounds.ts";
import { activationQuantization, type Quantization, symmetricActivationQuantization } from "../arith/quantization.ts";
import type { IntegerWeights } from "../arith/integer_weights.ts";
import { dyadicFromRatio } from "../arith/dyadic.ts";
import { dynamicProductBounds } from "../arith/dynamic_product.ts";
import type { OnlineCodesProblem } from "../arith/online_codes.ts";
import { type ConcatProblem, type IntegerProblem, isRecurrence } from "../arith/problem.ts";
import { type Calibration, rangeOf } from "../format/calibration.ts";
import { inputError } from "../format/error.ts";
import {
  type IntegerNetwork,
  type NetworkState,
  type NetworkStep,
  type NetworkTensor,
  ONLINE_CODES,
  REQUANTIZE,
} from "../format/network.ts";
import { checkNetwork } from "../format/network_check.ts";
import { activationFormatName, type CandidateBits, candidateBitsOf, integerActivationBits } from "../format/plan.ts";
import { type Graph, type Node, type Value, valueOf } from "../ir/graph.ts";
import { innermostExtent } from "../ops/channel_axis.ts";
import { type Layer, layersOf } from "../ops/layers.ts";
import { logitsOf } from "../ops/logits.ts";
import { operatorOf } from "../ops/mod.ts";
import type { IntegerTensor, LoweringContext, Operator, QuantizationRule } from "../ops/operator.ts";
import { outputRange, storageOf } from "../ops/rescale.ts";
import { sizeOf } from "../tensor/shape.ts";
import { assignForms, type ValueForms } from "./assignment.ts";
import { dynamicLayers, finestOutput, lowerDynamicProduct, WIDE_BITS, wideQuantization } from "./dynamic_layers.ts";
import { checkLayers } from "./check_layers.ts";
import { codedLength } from "./coded_length.ts";
import { correctedBias, integerWeight, type LayerOptions } from "./layer_constants.ts";
import { largestCell, type PreparedRecurrences, prepareRecurrences } from "./recurrences.ts";
import { accumulatedOutput, outputQuantization, rescaledOutput } from "./output_quantization.ts";
import { indexQuantization, stateTensors } from "./state_tensors.ts";
import { NORMALISATION_LAYER, type PixelInput, pixelInput, RAW_PIXELS, withNormalisation } from "./pixel_input.ts";

export interface QuantizeOptions extends LayerOptions {
  /** Bits of every layer by name. */
  readonly layers: ReadonlyMap<string, CandidateBits>;
  /** Bits of residual summands that are not accumulators, 8 (default) or 16. */
  readonly residualBits?: number;
  /** Products of vectors find the scale of their input at run time where it can be held wide. Default false. */
  readonly dynamic?: boolean;
  /** Take raw pixels as input when the calibration says how they become the network's input. Default true. */
  readonly pixels?: boolean;
}

/** Most bits of what a table maps. */
const MAPPED_BITS = 8;
/**
 * The integer-only network of a canonical float graph (DESIGN section 4).
 * @throws DyadError (input) for a plan that does not name exactly the graph's layers, a tensor without calibration, a
 * node that has no integer form, and a channel whose accumulator could overflow.
 */
export function quantizeGraph(graph: Graph, calibration: Calibration, options: QuantizeOptions): IntegerNetwork {
  return new Quantizer(graph, calibration, options).run();
}

class Quantizer {
  readonly #graph: Graph;
  readonly #dropped?: string;
  readonly #calibration: Calibration;
  readonly #options: QuantizeOptions;
  readonly #pixels?: PixelInput;
  readonly #bits: Map<string, CandidateBits>;
  readonly #layers: ReadonlyMap<string, Layer>;
  readonly #forms: ReadonlyMap<string, ValueForms>;
  readonly #tensors = new Map<string, NetworkTensor>();
  readonly #held = new Map<string, IntegerTensor>();
  readonly #bounds = new Map<string, Float64Array>();
  readonly #steps: NetworkStep[] = [];
  readonly #recurrences: PreparedRecurrences;
  readonly #dynamic: ReadonlySet<string> = new Set();
  readonly #states: NetworkState[] = [];

  constructor(graph: Graph, calibration: Calibration, options: QuantizeOptions) {
    this.#calibration = calibration;
    this.#options = options;
    this.#bits = new Map(options.layers);
    const { graph: logits, dropped } = logitsOf(graph);
    this.#recurrences = prepareRecurrences(logits);
    const { graph: trimmed } = this.#recurrences;
    this.#dropped = dropped;
    checkLayers(trimmed, this.#bits);
    const preprocess = options.pixels === false ? undefined : calibration.preprocess;
    if (preprocess !== undefined) {
      this.#pixels = pixelInput(preprocess) ?? { quantization: RAW_PIXELS, excess: 0 };
    }
    const normalised = this.#pixels?.quantization === RAW_PIXELS;
    this.#graph = normalised ? withNormalisation(trimmed, preprocess!) : trimmed;
    if (normalised) this.#bits.set(NORMALISATION_LAYER, { weightBits: 8, activationBits: 8 });
    this.#layers = new Map(layersOf(this.#graph).map((layer) => [layer.name, layer]));
    if (options.dynamic) this.#dynamic = dynamicLayers(this.#graph, this.#bits, this.#pixels !== undefined);
    this.#forms = assignForms(this.#graph, {
      dynamic: this.#dynamic,
      layers: this.#bits,
      residualBits: options.residualBits ?? 8,
      width: (value) => this.#width(value),
    });
  }

  run(): IntegerNetwork {
    const [input] = this.#graph.inputs;
    const inputTensor = this.#defineInput(input);
    for (const node of this.#graph.nodes) this.#lower(node);
    const [output] = this.#graph.outputs;
    const network: IntegerNetwork = {
      name: this.#graph.name,
      input: {
        name: this.#calibration.input.name,
        tensor: inputTensor,
        shape: [...valueOf(this.#graph, input).shape],
        kind: valueOf(this.#graph, input).dtype !== "f32" ? "indices" : this.#pixels ? "pixels" : "quantized",
        preprocess: this.#calibration.preprocess,
      },
      output: {
        name: output,
        tensor: output,
        shape: [...valueOf(this.#graph, output).shape],
        dropped: this.#dropped,
      },
      layers: Array.from(this.#layers.values(), ({ name, parameters, macs }) => {
        return { name, ...candidateBitsOf(this.#bits.get(name)!), parameters, macs };
      }),
      tensors: this.#tensors,
      steps: this.#steps,
      ...(this.#states.length > 0 && { states: this.#states }),
    };
    checkNetwork(network, this.#graph.name);
    return network;
  }

  /** Width of the values seen, 0 among them. */
  #width(value: string): number {
    const [min, max] = this.#seen(value);
    return max - min;
  }

  /** The least and the largest value seen, and 0; where a calibration written by hand does not say, a range by the method. */
  #seen(value: string): readonly [number, number] {
    const { method = this.#calibration.method } = this.#options;
    const found = this.#calibration.tensors.find(({ name }) => name === value);
    const [range] = Object.values(found?.ranges[method] ?? {});
    return [Math.min(found?.min ?? range?.min ?? 0, 0), Math.max(found?.max ?? range?.max ?? 0, 0)];
  }

  /** Scale and zero point of a value at a width, from the calibrated range of the group it shares parameters with. */
  #quantizationOf(value: string, bits: number): Quantization {
    if (bits === WIDE_BITS) return this.#wideQuantizationOf(value);
    const { method = this.#calibration.method, symmetric = false } = this.#options;
    const range = rangeOf(this.#calibration, this.#forms.get(value)!.rangeOf, method, bits, symmetric);
    return symmetric ? symmetricActivationQuantization(range, bits) : activationQuantization(range, bits);
  }

  /** In 32 bits of one scale, not below `finest`, for dynamic products. */
  #wideQuantizationOf(value: string, finest?: number): Quantization {
    const [min, max] = this.#seen(this.#forms.get(value)!.rangeOf);
    return wideQuantization(Math.max(-min, max), finest);
  }

  #defineInput(input: string): string {
    const { dtype, shape } = valueOf(this.#graph, input);
    if (dtype !== "f32") {
      return this.#define(input, input, { shape, quantization: indexQuantization(this.#graph, input) });
    }
    const primary = this.#forms.get(input)!.bits[0] ?? 8;
    const quantization = this.#pixels?.quantization ?? this.#quantizationOf(input, primary);
    return this.#define(input, input, { shape, quantization });
  }

  /** Enters a tensor into the network and returns its name. */
  #define(name: string, value: string, held: IntegerTensor): string {
    const { quantization, channelScales } = held;
    this.#held.set(name, held);
    this.#tensors.set(name, {
      name,
      shape: [...valueOf(this.#graph, value).shape],
      dtype: channelScales ? "i32" : storageOf(quantization.bits),
      ...quantization,
      ...(channelScales && { perChannel: true }),
    });
    return name;
  }

  /** The name of `value`'s form at `bits`, requantized from its widest form when it does not exist yet. */
  #formAt(value: string, bits: number): string {
    const stored = this.#held.get(value)!;
    if (stored.quantization.bits === bits || stored.channelScales) return value;
    const name = `${value}@${bits}`;
    if (this.#held.has(name)) return name;
    const held: IntegerTensor = { shape: stored.shape, quantization: this.#quantizationOf(value, bits) };
    const { bits: from, zeroPoint, scale } = stored.quantization;
    const problem: ConcatProblem = {
      kind: "concat",
      outer: 1,
      parts: [{
        dtype: storageOf(from),
        inner: sizeOf(stored.shape),
        zeroPoint,
        rescale: this.#named(name, () => dyadicFromRatio(scale / held.quantization.scale)),
      }],
      output: outputRange(held),
    };
    this.#define(name, value, held);
    this.#steps.push({ name, operator: REQUANTIZE, inputs: [value], output: name, problem });
    return name;
  }

  /** The name of the codes of `form`'s vectors, all that lies innermost, made where they do not exist yet. */
  #codesOf(form: string, value: string, layer: string): string {
    const format = this.#bits.get(layer)!;
    const name = `${form}@${activationFormatName(format)}`;
    if (this.#held.has(name)) return name;
    const held = this.#held.get(form)!;
    const length = codedLength(layer, innermostExtent(held.shape));
    const { zeroPoint, low, high } = held.quantization;
    const problem: OnlineCodesProblem = {
      kind: "online_codes",
      vectors: sizeOf(held.shape) / length,
      length,
      bits: format.activationBits,
      zeroPoint,
      low,
      high,
    };
    this.#define(name, value, held);
    this.#steps.push({ name, operator: ONLINE_CODES, inputs: [form], output: name, problem });
    return name;
  }

  #lower(node: Node): void {
    const operator = operatorOf(node.op);
    if (operator.lower === undefined) {
      throw inputError(`node ${node.name} (${node.op}): has no integer form at this place of the network`);
    }
    const [output] = node.outputs;
    const outputType = valueOf(this.#graph, output);
    const layer = this.#layers.get(node.name);
    if (operator.quantization === "recurrent") return this.#lowerRecurrence(node, operator, layer!);
    const inputs = this.#inputForms(node, operator);
    if (this.#dynamic.has(node.name)) return this.#lowerDynamic(node, operator, layer!, inputs);
    const weight = layer && this.#weightOf(layer);
    const accumulatorScales = weight?.scales.map((s) => s * this.#held.get(inputs[0])!.quantization.scale);
    const context: LoweringContext = {
      inputs: inputs.map((name) => this.#held.get(name)!),
      weight,
      bias: layer && this.#biasOf(layer, weight!),
      constants: node.inputs.map((name) => valueOf(this.#graph, name).constant),
    };
    const wide = accumulatorScales && this.#named(node.name, () => operator.lower!(node, context, outputType));
    if (wide?.kind === "convolution") this.#prove(node, output, accumulatorBounds(wide));
    if (this.#forms.get(output)!.accumulator) {
      const quantization = outputQuantization(accumulatorScales![0]);
      this.#define(output, output, { shape: outputType.shape, quantization, channelScales: accumulatorScales });
      return this.#push(node, layer, inputs, output, wide);
    }
    const held = this.#outputTensor(output, outputType, operator, inputs, accumulatorScales);
    const problem = this.#named(node.name, () => operator.lower!(node, { ...context, output: held }, outputType));
    const bounds = inputs.map((name) => this.#forms.get(name)?.accumulator ? this.#bounds.get(name) : undefined);
    if (problem?.kind === "sum" && !sumFitsInt64(problem, bounds)) {
      throw inputError(`node ${node.name} (${node.op}): the sum of its rescaled accumulators could leave 64 bits`);
    }
    this.#define(output, output, held);
    this.#push(node, layer, inputs, output, problem);
  }

  #lowerDynamic(node: Node, operator: Operator, layer: Layer, inputs: readonly string[]): void {
    const [output] = node.outputs;
    const type = valueOf(this.#graph, output);
    const { activationBits } = this.#bits.get(layer.name)!;
    const [input, weight] = [this.#held.get(inputs[0])!, this.#weightOf(layer)];
    const { accumulator, bits: [widest = WIDE_BITS] } = this.#forms.get(output)!;
    const quantization = accumulator || widest === WIDE_BITS
      ? this.#wideQuantizationOf(output, finestOutput(weight, input.quantization, activationBits))
      : this.#quantizationOf(output, widest);
    const held: IntegerTensor = { shape: type.shape, quantization };
    const context: LoweringContext = { inputs: [input], weight, bias: this.#biasOf(layer, weight), output: held };
    const problem = this.#named(node.name, () => lowerDynamicProduct(node, operator, context, type, activationBits));
    this.#prove(node, output, dynamicProductBounds(problem));
    const forAll = (value: number) => new Float64Array(problem.outputs).fill(value);
    this.#bounds.set(output, forAll(quantization.high));
    this.#define(output, output, { ...held, ...(accumulator && { channelScales: forAll(quantization.scale) }) });
    this.#push(node, layer, inputs, output, problem);
  }

  #lowerRecurrence(node: Node, operator: Operator, layer: Layer): void {
    const { name, inputs: [gates], outputs: [output] } = node;
    const outputType = valueOf(this.#graph, output);
    const quantization = this.#quantizationOf(output, this.#forms.get(output)!.bits[0]);
    const held: IntegerTensor = { shape: outputType.shape, quantization };
    const [input, weight] = [this.#held.get(gates)!, this.#weightOf(layer)];
    if (input.channelScales === undefined) {
      throw inputError(`node ${name} (${node.op}): ${gates} is no accumulator of a layer that only this node reads`);
    }
    const format = this.#bits.get(name)!;
    if (format.activationFormat === "codes") codedLength(name, outputType.shape.at(-1)!);
    const [cells, carried] = [this.#recurrences.cells.get(name)!, this.#recurrences.carried.get(name) ?? []];
    const context: LoweringContext = {
      inputs: [input],
      output: held,
      weight,
      bias: this.#biasOf(layer, weight),
      constants: node.inputs.map((name) => name === "" ? undefined : valueOf(this.#graph, name).constant),
      recurrence: {
        largestCell: largestCell(this.#calibration, node, cells),
        carriesState: carried.length > 0,
        ...(format.activationFormat === "codes" && { hiddenCodes: format.activationBits }),
        first: this.#recurrences.first.get(name),
      },
    };
    const problem = this.#named(name, () => operator.lower!(node, context, outputType));
    if (!isRecurrence(problem)) throw new Error(`node ${name} has become no recurrence`);
    const bounds = recurrentBounds(problem);
    this.#prove(node, output, bounds);
    if (!gatesFitInt64(problem, this.#bounds.get(gates), bounds)) {
      throw inputError(`node ${name} (${node.op}): the sum of a gate's rescaled accumulators could leave 64 bits`);
    }
    this.#define(output, output, held);
    const tensors = stateTensors(problem, held.quantization, name).slice(0, carried.length);
    tensors.forEach((tensor, i) => {
      this.#tensors.set(tensor.name, tensor);
      this.#states.push({ tensor: tensor.name, input: carried[i].input, output: carried[i].output });
    });
    this.#push(node, layer, [gates, ...tensors.map((tensor) => tensor.name)], output, problem);
  }

  #push(
    node: Node,
    layer: Layer | undefined,
    inputs: readonly string[],
    output: string,
    problem: IntegerProblem | undefined,
  ): void {
    const step = { name: node.name, operator: node.op, inputs, output, problem };
    this.#steps.push(layer ? { ...step, layer: layer.name, weightBits: this.#bits.get(layer.name)!.weightBits } : step);
  }

  /** The tensors a node reads, in the form that it reads. */
  #inputForms(node: Node, operator: Operator): string[] {
    if (operator.quantization === "weighted") {
      const [value] = node.inputs;
      if (this.#dynamic.has(node.name)) return [this.#formAt(value, WIDE_BITS)];
      const format = this.#bits.get(node.name)!;
      const form = this.#formAt(value, integerActivationBits(format));
      return [format.activationFormat === "codes" ? this.#codesOf(form, value, node.name) : form];
    }
    const computed = node.inputs.filter((name) => this.#held.has(name) || !valueOf(this.#graph, name).constant);
    const isOf = (...rules: readonly QuantizationRule[]): boolean => rules.includes(operator.quantization);
    if (isOf("sharing", "joining")) return computed;
    return computed.map((name) => {
      if (valueOf(this.#graph, name).dtype !== "f32") return name;
      const { bits } = this.#held.get(name)!.quantization;
      return bits === WIDE_BITS || isOf("mapping") ? this.#formAt(name, MAPPED_BITS) : name;
    });
  }

  #outputTensor(
    output: string,
    { shape }: Value,
    operator: Operator,
    inputs: readonly string[],
    accumulatorScales: Float64Array | undefined,
  ): IntegerTensor {
    const from = this.#held.get(inputs[0])!;
    if (operator.quantization === "sharing") return { shape, quantization: from.quantization };
    const [widest] = this.#forms.get(output)!.bits;
    const bits = operator.quantization === "mapping" ? Math.min(widest ?? MAPPED_BITS, MAPPED_BITS) : widest;
    if (bits !== undefined) return { shape, quantization: this.#quantizationOf(output, bits) };
    if (accumulatorScales !== undefined) {
      return { shape, quantization: accumulatedOutput(accumulatorScales, this.#bounds.get(output)!) };
    }
    const largest = inputs.reduce((sum, name) => sum + this.#largestOf(name), 0); // of a sum, a mean, a concatenation
    return { shape, quantization: rescaledOutput(from.quantization.scale, largest) };
  }

  /** Largest real magnitude that a tensor can stand for. */
  #largestOf(name: string): number {
    const { quantization: { scale, low, high, zeroPoint }, channelScales } = this.#held.get(name)!;
    if (channelScales === undefined) return scale * maxMagnitude(low, high, zeroPoint);
    const bounds = this.#bounds.get(name)!;
    return channelScales.reduce((most, s, channel) => Math.max(most, s * bounds[channel]), 0);
  }

  #weightOf(layer: Layer): IntegerWeights {
    const { name } = layer;
    return this.#named(name, () => integerWeight(layer, this.#bits.get(name)!, this.#calibration, this.#options));
  }

  #biasOf(layer: Layer, weight: IntegerWeights): Float64Array {
    const isExact = this.#pixels !== undefined && this.#isInput(layer.input);
    const excess = isExact ? this.#pixels.excess : this.#dynamic.has(layer.name) ? 0 : undefined;
    const input = { bits: integerActivationBits(this.#bits.get(layer.name)!), excess };
    return correctedBias(layer, weight, input, this.#calibration, this.#options);
  }

  /** Whether a value holds nothing but the network's input, in other places. */
  #isInput(value: string): boolean {
    if (value === this.#graph.inputs[0]) return true;
    const producer = this.#graph.nodes.find(({ outputs }) => outputs.includes(value));
    return producer !== undefined && operatorOf(producer.op).quantization === "sharing" &&
      this.#isInput(producer.inputs[0]);
  }

  #prove(node: Node, output: string, bounds: Float64Array): void {
    const found = overflowingChannel(bounds);
    if (found !== undefined) {
      throw inputError(
        `layer ${node.name}: output channel ${found.channel}: the accumulator can reach ${found.bound}, beyond int32 ` +
          `(2^31 - 1); give the layer fewer weight or activation bits`,
      );
    }
    this.#bounds.set(output, bounds);
  }

  /** Range errors of lib/arith become input errors that name the node. */
  #named<T>(name: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw inputError(`node ${name}: ${error.message}`, { cause: error });
    }
  }
}

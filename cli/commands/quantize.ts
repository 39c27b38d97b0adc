import { WEIGHT_CHOICES } from "../../lib/format/calibration.ts";
import { type Calibration, CalibrationCodec } from "../../lib/format/calibration.ts";
import { inputError, usageError, within } from "../../lib/format/error.ts";
import { INTEGER_WIDTHS, isIntegerWidth } from "../../lib/format/integer_width.ts";
import { encodeNetwork, type IntegerNetwork } from "../../lib/format/network.ts";
import { type CandidateBits, candidateBitsOf, candidateName, type Plan, PlanCodec } from "../../lib/format/plan.ts";
import { layersOf } from "../../lib/ops/layers.ts";
import { suggestion } from "../../lib/plan/names.ts";
import { uniformPlan } from "../../lib/plan/uniform.ts";
import { quantizeGraph } from "../../lib/quantize/quantize.ts";
import { inputsOf, loadArtefact, type Loaded, modelOf, optionsOf, requireSameModel } from "../artefacts.ts";
import { defineCommand } from "../command.ts";
import { artefactTarget } from "../files.ts";
import { BITS, defaultFlag, FILE, oneOf, optionalFlag, positional, requiredFlag, switchFlag, TEXT } from "../flag.ts";
import { CODING_FLAGS, codingOf, ENDS_FLAG, MODEL_FLAGS, OUTPUT_PAIR_FLAGS } from "../flags.ts";
import { type LoadedModel, loadModel } from "../model.ts";
import { layerTable } from "../plan_report.ts";
import { facts, formatBytes, formatCount, formatNumber, formatPercent, type Report } from "../report.ts";

/** What goes into a network, in words. */
const INPUT_TEXTS: Readonly<Record<IntegerNetwork["input"]["kind"], string>> = {
  pixels: "raw pixels, 8 bits",
  quantized: "float, to be quantized by the caller",
  indices: "token ids as they are",
};

export const quantize = defineCommand({
  name: "quantize",
  summary: "Make the integer-only network of a float model",
  details: "Every accumulator is proven to fit 32 bits; a channel whose accumulator could overflow is an error.",
  positionals: { model: positional("ONNX model", FILE) },
  flags: {
    calibration: requiredFlag("--calibration <file>", "ranges of the model's tensors", FILE),
    plan: optionalFlag("--plan <file>", "bits of every layer", FILE),
    bits: optionalFlag(
      "--bits <bits>",
      "the same bits for all layers instead of a plan, such as 8, 4/8 or codes3/8",
      BITS,
    ),
    ...ENDS_FLAG,
    ...CODING_FLAGS,
    method: optionalFlag("--method <name>", "calibration method (default: the one that the calibration names)", TEXT),
    weights: defaultFlag("--weights <method>", "how weight scales are chosen", oneOf(WEIGHT_CHOICES), "auto"),
    plainBias: switchFlag("--plain-bias", "do not correct biases for the means that quantization moves"),
    perTensor: switchFlag("--per-tensor", "one weight scale for a layer instead of one for each output channel"),
    symmetric: switchFlag("--symmetric", "activation ranges symmetric about 0"),
    residualBits: defaultFlag(
      "--residual-bits <n>",
      "bits of summands of an addition that are not accumulators",
      oneOf(["8", "16"]),
      "8",
    ),
    dynamic: switchFlag(
      "--dynamic",
      "products of vectors find the scale of each input vector at run time, in integers, where it can be held in 32 bits",
    ),
    floatInput: switchFlag("--float-input", "take the quantized float input instead of raw pixels"),
    ...MODEL_FLAGS,
    ...OUTPUT_PAIR_FLAGS,
  },
  examples: [
    "dyad quantize model.onnx --calibration model.calibration.json --plan model.plan.json -o model.dyad.json",
    "dyad quantize model.onnx --calibration model.calibration.json --bits 4/8 -o model.dyad.json",
  ],
  async run({ args, flags, terminal }) {
    if ((flags.plan === undefined) === (flags.bits === undefined)) {
      throw usageError("the bits of the layers come from one of --plan and --bits; give one of them");
    }
    if (flags.ends !== undefined && flags.bits === undefined) throw usageError("--ends is for --bits");
    const target = artefactTarget(flags, terminal, { hasCompanion: true });
    const model = loadModel(args.model, flags);
    const calibration = loadArtefact(CalibrationCodec, flags.calibration);
    const plan = flags.plan === undefined ? undefined : loadArtefact(PlanCodec, flags.plan);
    requireSameModel([
      { name: model.name, model: model.sha256 },
      modelOf(calibration),
      ...(plan === undefined ? [] : [modelOf(plan)]),
    ]);
    if (plan !== undefined) checkPlan(plan, model);
    const { layers } = plan?.content ?? uniformBits(model, flags.bits!, flags.ends);
    const options = {
      method: flags.method ?? calibration.content.method,
      weightMethod: flags.weights,
      ...codingOf(flags, layers),
      biasCorrection: !flags.plainBias,
      perChannel: !flags.perTensor,
      symmetric: flags.symmetric,
      residualBits: Number(flags.residualBits),
      ...(flags.dynamic && { dynamic: true }),
      pixels: !flags.floatInput,
    };
    const network = within(
      `${model.name} with ${calibration.name}`,
      () =>
        quantizeGraph(model.graph, calibration.content, {
          ...options,
          layers: new Map(layers.map((layer) => [layer.name, candidateBitsOf(layer)])),
        }),
    );
    const { json, constants } = encodeNetwork(network, {
      inputs: inputsOf({ model: model.sha256, calibration: calibration.sha256, plan: plan?.sha256 }),
      options: optionsOf({
        bits: flags.bits && candidateName(flags.bits),
        ends: flags.ends && candidateName(flags.ends),
        ...options,
      }),
    });
    if (flags.dynamic && dynamicCount(network) === 0) {
      terminal.note("--dynamic changes nothing: no matrix product has an input of more than 8 bits");
    }
    await target.write(json, constants);
    return networkReport(network, calibration.content, options.method, target);
  },
});

function uniformBits(model: LoadedModel, bits: CandidateBits, ends?: CandidateBits): Plan {
  const plan = within(model.name, () => uniformPlan(layersOf(model.graph), bits, { ends }));
  for (const { name, ...bits } of plan.layers) {
    if (isIntegerWidth(bits)) continue;
    throw usageError(`found ${candidateName(bits)} bits for layer "${name}", expected ${INTEGER_WIDTHS}`);
  }
  return plan;
}

/** @throws DyadError (input) naming both files when the plan is not one for exactly the model's layers. */
function checkPlan({ name: file, content }: Loaded<Plan>, model: LoadedModel): void {
  const known = layersOf(model.graph).map(({ name }) => name);
  const planned = new Set(content.layers.map(({ name }) => name));
  const unknown = content.layers.filter(({ name }) => !known.includes(name));
  if (unknown.length > 0) {
    const [{ name }] = unknown;
    const more = unknown.length > 1 ? ` and ${unknown.length - 1} more` : "";
    throw inputError(
      `${file}: names the layer "${name}"${more}, which ${model.name} does not have${suggestion(name, known)}`,
    );
  }
  const missing = known.filter((name) => !planned.has(name));
  if (missing.length > 0) {
    const more = missing.length > 1 ? ` and ${missing.length - 1} more` : "";
    throw inputError(`${file}: gives no bits to the layer "${missing[0]}"${more} of ${model.name}; add it to the plan`);
  }
  for (const { name, ...bits } of content.layers) {
    if (isIntegerWidth(bits)) continue;
    throw inputError(`${file}: gives the layer "${name}" ${candidateName(bits)} bits, expected ${INTEGER_WIDTHS}`);
  }
}

/** How many layers find their scales at run time. */
function dynamicCount({ steps }: Pick<IntegerNetwork, "steps">): number {
  return steps.filter(({ problem }) => problem?.kind === "dynamic_product").length;
}

function dynamicText(count: number): string {
  return count === 0 ? "" : `; ${count} layer${count > 1 ? "s find" : " finds"} the scales of inputs at run time`;
}

const FLOAT_BYTES = 4;

/** What `--json` prints. */
export interface NetworkSummary {
  readonly output: string;
  readonly tensorsFile?: string;
  readonly parameters: number;
  readonly macs: number;
  /** Of the packed weights. */
  readonly sizeBytes: number;
  /** Of what binary codes are multiplied by, where there are some: beside `sizeBytes`. */
  readonly multiplierBytes?: number;
  readonly bops: number;
  readonly averageWeightBits: number;
  readonly steps: number;
  readonly input: IntegerNetwork["input"]["kind"];
  readonly method: string;
  readonly layers: IntegerNetwork["layers"];
}

/** Of all codes; undefined where no weights are codes. */
function bytesOfMultipliers(steps: IntegerNetwork["steps"]): number | undefined {
  const coded = steps.flatMap(({ problem }) =>
    problem !== undefined && "codes" in problem && problem.codes !== undefined ? [problem.codes] : []
  );
  return coded.length === 0 ? undefined : coded.reduce((sum, { multipliers }) => sum + multipliers.byteLength, 0);
}

function networkReport(
  { layers, input, output, steps }: IntegerNetwork,
  { samples }: Calibration,
  method: string,
  target: { readonly name: string; readonly companion?: string },
): Report<NetworkSummary> {
  const sum = (of: (layer: IntegerNetwork["layers"][number]) => number): number =>
    layers.reduce((total, layer) => total + of(layer), 0);
  const parameters = sum((layer) => layer.parameters);
  const macs = sum((layer) => layer.macs);
  const sizeBytes = sum((layer) => layer.parameters * layer.weightBits / 8);
  const bops = sum((layer) => layer.macs * layer.weightBits * layer.activationBits);
  const averageWeightBits = 8 * sizeBytes / Math.max(parameters, 1);
  const multiplierBytes = bytesOfMultipliers(steps);
  const files = { output: target.name, tensorsFile: target.companion };
  const widths = { parameters, macs, sizeBytes, multiplierBytes, bops, averageWeightBits };
  return {
    json: { ...files, ...widths, steps: steps.length, input: input.kind, method, layers },
    blocks: [
      layerTable([...layers]),
      facts([
        [
          "weights",
          `${formatBytes(sizeBytes)} (${formatPercent(sizeBytes / (parameters * FLOAT_BYTES), 1)} of float, ` +
          `${formatNumber(averageWeightBits)} bits per weight)`,
        ],
        ...(multiplierBytes === undefined ? [] : [["multipliers of codes", formatBytes(multiplierBytes)] as const]),
        ["BOPS", `${formatCount(bops)} (${formatPercent(bops / (macs * 64), 1)} of all-8-bit)`],
        ["input", INPUT_TEXTS[input.kind]],
        ["output", `32-bit integers${output.dropped === undefined ? "" : ` (without the last ${output.dropped})`}`],
        ["ranges", `${method}, of ${samples} samples${dynamicText(dynamicCount({ steps }))}`],
        ["written", target.companion === undefined ? target.name : `${target.name}, ${target.companion}`],
      ]),
    ],
  };
}

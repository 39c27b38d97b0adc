import type { ConvolutionProblem } from "../../../lib/arith/problem.ts";
import { calibrateGraph } from "../../../lib/calibrate/calibrate.ts";
import { methodNamed } from "../../../lib/calibrate/method.ts";
import { encodeArtefact, type FileReference } from "../../../lib/format/artefact.ts";
import { CalibrationCodec } from "../../../lib/format/calibration.ts";
import type { DataFile } from "../../../lib/format/data_file.ts";
import type { Dataset } from "../../../lib/format/dataset.ts";
import { sha256 } from "../../../lib/format/hash.ts";
import { encodeNetwork, type IntegerNetwork, type NetworkStep } from "../../../lib/format/network.ts";
import { openDataset } from "../../../lib/format/open_dataset.ts";
import { type CandidateBits, PlanCodec } from "../../../lib/format/plan.ts";
import { layersOf } from "../../../lib/ops/layers.ts";
import { importModel } from "../../../lib/onnx/import.ts";
import { canonicalize } from "../../../lib/passes/mod.ts";
import { quantizeGraph, type QuantizeOptions } from "../../../lib/quantize/quantize.ts";
import type { SubjectFiles } from "../../../lib/verify/subject.ts";

const TESTDATA = new URL("../../../testdata/", import.meta.url);

export function testdata(path: string): DataFile {
  return { name: path, bytes: Deno.readFileSync(new URL(path, TESTDATA)) };
}

/** What the Fashion-MNIST models were trained with (testdata/README.md). */
export const NORMALISATION = { mean: [0.286], std: [0.353] };

export function fashionImages(limit: number): Dataset {
  return openDataset({
    files: [testdata("data/calib/images.npy")],
    labels: testdata("data/calib/labels.npy"),
    sampleShape: [1, 28, 28],
    preprocess: NORMALISATION,
    classes: 10,
    limit,
  });
}

/** Every file of a pipeline, in memory. */
export interface SampleFiles extends Required<Pick<SubjectFiles, "network" | "constants" | "model">> {
  readonly calibration: DataFile;
  readonly plan: DataFile;
  readonly integerNetwork: IntegerNetwork;
  readonly provenance: { inputs: Record<string, FileReference>; options: Record<string, unknown> };
}

export interface SampleOptions extends Partial<QuantizeOptions> {
  /** Bits of the layers between the first and the last. Default 4/4. */
  readonly inner?: CandidateBits;
}

/** A model of testdata taken through calibrate, a plan by hand, and quantize. */
export function samplePipeline(name: string, { inner, ...options }: SampleOptions = {}): SampleFiles {
  const model = testdata(`models/${name}.onnx`);
  const graph = canonicalize(importModel(model.bytes, { where: model.name }).graph);
  const modelInput = { model: { sha256: sha256(model.bytes) } };
  const { content } = calibrateGraph(graph, fashionImages(4), { method: methodNamed("min-max", {}) });
  const calibration = encodeArtefact(CalibrationCodec, { ...content, inputs: modelInput, options: {} });
  const names = layersOf(graph).map((layer) => layer.name);
  const eight = { weightBits: 8, activationBits: 8 };
  const four = { weightBits: 4, activationBits: 4 };
  const layers = names.map((name, i): { name: string } & CandidateBits => ({
    name,
    ...(i === 0 || i === names.length - 1 ? eight : inner ?? four),
  }));
  const plan = encodeArtefact(PlanCodec, { layers, constraints: [], inputs: modelInput, options: {} });
  const network = quantizeGraph(graph, content, {
    ...options,
    layers: new Map(layers.map(({ name, ...bits }) => [name, bits])),
  });
  const provenance = {
    inputs: { ...modelInput, calibration: { sha256: sha256(calibration) }, plan: { sha256: sha256(plan) } },
    options: {},
  };
  const { json, constants } = encodeNetwork(network, provenance);
  return {
    network: textFile(`${name}.dyad.json`, json),
    constants: { name: `${name}.dyad.safetensors`, bytes: constants },
    model: { name: model.name, sha256: sha256(model.bytes), graph },
    calibration: textFile(`${name}.calibration.json`, calibration),
    plan: textFile(`${name}.plan.json`, plan),
    integerNetwork: network,
    provenance,
  };
}

/** The files of the same pipeline with another network in them, sealed as if `quantize` had written it. */
export function withNetwork(files: SampleFiles, network: IntegerNetwork): SampleFiles {
  const { json, constants } = encodeNetwork(network, files.provenance);
  return {
    ...files,
    network: textFile(files.network.name, json),
    constants: { name: files.constants.name, bytes: constants },
    integerNetwork: network,
  };
}

export function textFile(name: string, text: string): DataFile {
  return { name, bytes: new TextEncoder().encode(text) };
}

/** What `verify` is given of these files, calibration and plan included. */
export function subjectFiles({ network, constants, model, calibration, plan }: SampleFiles): SubjectFiles {
  return { network, constants, model, artefacts: { calibration, plan } };
}

/** The network with one of its steps changed. */
export function withStep(
  network: IntegerNetwork,
  index: number,
  change: (step: NetworkStep) => NetworkStep,
): IntegerNetwork {
  return { ...network, steps: network.steps.map((step, i) => i === index ? change(step) : step) };
}

/** The same step with other numbers in its convolution. */
export function withConvolution(
  change: (problem: ConvolutionProblem) => Partial<ConvolutionProblem>,
): (step: NetworkStep) => NetworkStep {
  return (step) => {
    const { problem } = step;
    if (problem?.kind !== "convolution") throw new Error(`step ${step.name} is not a convolution`);
    return { ...step, problem: { ...problem, ...change(problem) } };
  };
}

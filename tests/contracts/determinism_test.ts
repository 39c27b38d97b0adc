import assert from "node:assert/strict";
import { calibrateGraph, type CalibrateOptions } from "../../lib/calibrate/calibrate.ts";
import { methodNamed } from "../../lib/calibrate/method.ts";
import { encodeArtefact } from "../../lib/format/artefact.ts";
import { type Calibration, CalibrationCodec } from "../../lib/format/calibration.ts";
import { parseCandidates } from "../../lib/format/candidates.ts";
import type { Dataset } from "../../lib/format/dataset.ts";
import { sha256 } from "../../lib/format/hash.ts";
import { encodeNetwork } from "../../lib/format/network.ts";
import { encodeSafetensors } from "../../lib/format/safetensors.ts";
import { SensitivityCodec } from "../../lib/format/sensitivity.ts";
import { parseCandidateName } from "../../lib/format/plan.ts";
import type { Graph } from "../../lib/ir/graph.ts";
import { layersOf } from "../../lib/ops/layers.ts";
import { uniformPlan } from "../../lib/plan/uniform.ts";
import type { MadeWeights } from "../../lib/quantize/layer_constants.ts";
import { quantizeGraph } from "../../lib/quantize/quantize.ts";
import { measureSensitivity } from "../../lib/sensitivity/measure.ts";
import { calibrationImages, fashionGraph } from "../evidence/fashion_networks.ts";
import { canonicalGraph, TINY, tinyDataset } from "../lib/sensitivity/tiny_network.ts";

const HEADER = { inputs: {}, options: {} };

interface CalibrationFiles {
  readonly json: string;
  readonly tensors: Uint8Array;
  readonly content: Calibration;
}

function calibrationFiles(graph: Graph, dataset: Dataset, options: CalibrateOptions): CalibrationFiles {
  const { content, tensors } = calibrateGraph(graph, dataset, options);
  const companion = encodeSafetensors(tensors);
  const calibration = { ...content, tensorsFile: { sha256: sha256(companion) } };
  return { json: encodeArtefact(CalibrationCodec, { ...calibration, ...HEADER }), tensors: companion, content };
}

function assertSameFiles(found: CalibrationFiles, expected: CalibrationFiles): void {
  assert.equal(found.json, expected.json);
  assert.deepEqual(found.tensors, expected.tensors);
}

const mobile = calibrationFiles(fashionGraph("mobile"), calibrationImages(5), { method: "auto", batch: 1 });

Deno.test("calibrate: the same bytes a second time and at batch sizes 1 and 64, on a trained network", () => {
  const again = calibrationFiles(fashionGraph("mobile"), calibrationImages(5), { method: "auto", batch: 64 });
  assertSameFiles(again, mobile);
});

for (const method of ["auto", methodNamed("moving-average", { momentum: 0.5 })] as const) {
  const name = typeof method === "string" ? method : method.name;
  Deno.test(`calibrate by ${name}: the same bytes at batch sizes that divide the data and that do not`, () => {
    const files = (images: number, batch?: number): CalibrationFiles =>
      calibrationFiles(canonicalGraph(TINY), tinyDataset(images), { method, batch });
    const alone = files(12, 1);
    for (const batch of [3, 5, 12, 64, undefined]) assertSameFiles(files(12, batch), alone);
    assert.notEqual(files(11, 1).json, alone.json, "an image fewer must show");
  });
}

Deno.test("quantize: the same bytes a second time", () => {
  const files = () => {
    const graph = fashionGraph("mobile");
    const { layers } = uniformPlan(layersOf(graph), { weightBits: 3, activationBits: 5 });
    const network = quantizeGraph(graph, mobile.content, {
      layers: new Map(layers.map((layer) => [layer.name, layer])),
    });
    return encodeNetwork(network, HEADER);
  };
  const [one, two] = [files(), files()];
  assert.equal(two.json, one.json);
  assert.deepEqual(two.constants, one.constants);
});

Deno.test("quantize: the same bytes with weights that other networks of the graph have made", () => {
  const graph = fashionGraph("mobile");
  const made: MadeWeights = new Map();
  const files = (name: string, madeWeights?: MadeWeights) => {
    const { layers } = uniformPlan(layersOf(graph), parseCandidateName(name)!);
    const bits = new Map(layers.map((layer) => [layer.name, layer]));
    return encodeNetwork(
      quantizeGraph(graph, mobile.content, { layers: bits, coding: { method: "greedy" }, madeWeights }),
      HEADER,
    );
  };
  for (const name of ["2/5", "codes2/5", "2/8", "codes2/8"]) {
    const [shared, alone] = [files(name, made), files(name)];
    assert.equal(shared.json, alone.json, name);
    assert.deepEqual(shared.constants, alone.constants, name);
  }
  const inner = layersOf(graph).length - 2;
  assert.equal(made.size, 2 * inner + 2, "2 and codes2 of each inner layer, 8 of the ends, each once");
});

Deno.test("sensitivity: the same bytes a second time", async () => {
  const table = async (): Promise<string> => {
    const content = await measureSensitivity({
      graph: fashionGraph("mobile"),
      calibration: mobile.content,
      dataset: calibrationImages(2),
      candidates: parseCandidates("4/4,2/8"),
    });
    return encodeArtefact(SensitivityCodec, { ...content, ...HEADER });
  };
  assert.equal(await table(), await table());
});

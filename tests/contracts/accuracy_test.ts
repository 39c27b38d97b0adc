import assert from "node:assert/strict";
import { calibrateGraph } from "../../lib/calibrate/calibrate.ts";
import { sampleAsFloat, sampleAsPixels } from "../../lib/format/dataset.ts";
import { compileFloat } from "../../lib/float/engine.ts";
import { layersOf } from "../../lib/ops/layers.ts";
import { quantizeGraph } from "../../lib/quantize/quantize.ts";
import { createEngine } from "../../lib/runtime/engine.ts";
import { argmax } from "../../lib/tensor/argmax.ts";
import { calibrationImages, fashionGraph, testImages } from "../evidence/fashion_networks.ts";

const IMAGES = 1000;

Deno.test("mobile in integers keeps the accuracy of the float network, at 8/8, 4/8 and 4/4", () => {
  const graph = fashionGraph("mobile");
  const { content } = calibrateGraph(graph, calibrationImages(128), { method: "auto" });
  const test = testImages(IMAGES);
  const top1 = (classOf: (index: number) => number): number => {
    let correct = 0;
    for (let i = 0; i < IMAGES; i++) if (classOf(i) === test.labels![i]) correct++;
    return 100 * correct / IMAGES;
  };
  const engine = compileFloat(graph);
  const float = top1((i) => argmax(engine.run(sampleAsFloat(test, i))));
  assert.ok(float > 91, `float ${float} %`);
  const layers = layersOf(graph);
  for (const [weightBits, activationBits, drop] of [[8, 8, 0.5], [4, 8, 1], [4, 4, 3]]) {
    const bits = new Map(layers.map(({ name }, i) => {
      const isEnd = i === 0 || i === layers.length - 1;
      return [name, isEnd ? { weightBits: 8, activationBits: 8 } : { weightBits, activationBits }];
    }));
    const network = createEngine(quantizeGraph(graph, content, { layers: bits }), "wasm");
    const found = top1((i) => argmax(network.run(sampleAsPixels(test, i))));
    assert.ok(found >= float - drop, `${weightBits}/${activationBits}: ${found} %, float ${float} %`);
  }
});

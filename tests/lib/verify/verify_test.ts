import assert from "node:assert/strict";
import { decodeArtefact } from "../../../lib/format/artefact.ts";
import { type Dataset, sampleAsFloat } from "../../../lib/format/dataset.ts";
import { encodeVerification, evidenceOf, VerificationCodec } from "../../../lib/format/verification.ts";
import { compileFloat } from "../../../lib/float/engine.ts";
import { createEngine } from "../../../lib/runtime/engine.ts";
import { CLAIMS } from "../../../lib/verify/claims/mod.ts";
import { makeContext, type VerifyOptions } from "../../../lib/verify/context.ts";
import { imageMeasurer } from "../../../lib/verify/image_record.ts";
import { networkInput } from "../../../lib/runtime/network_input.ts";
import { realScales } from "../../../lib/verify/real_scales.ts";
import { openSubject } from "../../../lib/verify/subject.ts";
import { verify } from "../../../lib/verify/verify.ts";
import { expectError, expectRejection } from "../format/expect_error.ts";
import { fashionImages, type SampleFiles, samplePipeline, subjectFiles } from "./sample_subject.ts";

const resnet20 = samplePipeline("resnet20");

function verified(files: SampleFiles, dataset: Dataset, options: VerifyOptions = {}) {
  return verify(makeContext(openSubject(subjectFiles(files)), dataset, options));
}

const PIPELINES: readonly (readonly [what: string, make: () => SampleFiles, leastDb: number])[] = [
  ["resnet20 at 4/4", () => resnet20, 10],
  ["mobile at 8/8", () => samplePipeline("mobile", { inner: { weightBits: 8, activationBits: 8 } }), 20],
  ["inception at 4/8", () => samplePipeline("inception", { inner: { weightBits: 4, activationBits: 8 } }), 10],
];

for (const [what, make, leastDb] of PIPELINES) {
  Deno.test(`${what}: every claim holds`, async () => {
    const files = make();
    const { claims, passed } = await verified(files, fashionImages(3), { maxDrop: 100, minAgreement: 0 });
    assert.deepEqual(claims.filter(({ status }) => status === "failed"), []);
    assert.ok(passed);
    assert.deepEqual(claims.map(({ name }) => name), CLAIMS.map(({ name }) => name));
    assert.deepEqual(
      claims.map(({ status }) => status),
      ["proven", "proven", "proven", "measured", "measured"],
    );
    const { steps } = files.integerNetwork;
    const exact = evidenceOf(claims, "bit-exact")!;
    assert.equal(exact.differing, 0);
    assert.equal(exact.steps.length, steps.length);
    assert.ok(exact.compared > 3 * 28 * 28);
    const near = evidenceOf(claims, "accuracy")!;
    assert.equal(near.layers.length + near.notCompared.length, steps.length);
    assert.deepEqual(near.notCompared, []);
    for (const { step, sqnrDb } of near.layers) assert.ok(sqnrDb! > leastDb, `${step}: ${sqnrDb} dB`);
    const { tightest, channels } = evidenceOf(claims, "no-overflow")!;
    assert.ok(tightest!.headroomBits > 0 && channels >= steps.filter(({ layer }) => layer).length);
    assert.deepEqual(evidenceOf(claims, "integer-only")!.module!.forbidden, []);
    assert.ok(evidenceOf(claims, "hash-chain")!.links.every(({ status }) => status === "holds"));
  });
}

Deno.test("the artefact is the same every time, and reads back", async () => {
  const encoded = async () => encodeVerification(await verified(resnet20, fashionImages(2), { maxDrop: 50 }));
  const [first, second] = [await encoded(), await encoded()];
  assert.equal(first, second);
  const { claims, inputs, options } = decodeArtefact(VerificationCodec, first, "v.json");
  assert.equal(claims.length, CLAIMS.length);
  assert.deepEqual(options, { maxDrop: 50 });
  const roles = ["calibration", "constants", "data", "labels", "model", "network", "plan"];
  assert.deepEqual(Object.keys(inputs).sort(), roles);
});

Deno.test("a network that takes quantized floats is given them", async () => {
  const files = samplePipeline("mobile", { pixels: false, inner: { weightBits: 8, activationBits: 8 } });
  assert.equal(files.integerNetwork.input.kind, "quantized");
  const { claims, passed } = await verified(files, fashionImages(1));
  assert.ok(passed);
  assert.ok(evidenceOf(claims, "accuracy")!.layers.every(({ sqnrDb }) => sqnrDb! > 20));
});

Deno.test("the noise of a layer is the mean square of float less dequantized, accumulators by channel", async () => {
  const dataset = fashionImages(2);
  const { claims } = await verified(resnet20, dataset);
  const network = resnet20.integerNetwork;
  const float = compileFloat(resnet20.model.graph);
  const engine = createEngine(network, "scalar");
  const accumulator = network.steps.findIndex(({ output }) => network.tensors.get(output)!.perChannel);
  for (const index of [0, accumulator, network.steps.length - 1]) {
    const { name, output } = network.steps[index];
    const { zeroPoint } = network.tensors.get(output)!;
    const scales = realScales(network, output)!;
    let [signal, noise, count] = [0, 0, 0];
    for (let image = 0; image < 2; image++) {
      const reals = new Map<string, Float32Array>();
      float.run(sampleAsFloat(dataset, image), (value, data) => reals.set(value, data.slice()));
      engine.run(networkInput(network, dataset, image), (step, integers) => {
        if (step !== index) return;
        integers.forEach((q, i) => {
          const real = reals.get(output)![i];
          signal += real ** 2;
          noise += (real - scales[i % scales.length] * (q - zeroPoint)) ** 2;
          count++;
        });
      });
    }
    const found = evidenceOf(claims, "accuracy")!.layers.find(({ step }) => step === name)!;
    assert.ok(Math.abs(found.noise - noise / count) < 1e-9 * found.noise);
    assert.ok(Math.abs(found.signal - signal / count) < 1e-9 * found.signal);
    assert.ok(Math.abs(found.sqnrDb! - 10 * Math.log10(signal / noise)) <= 0.0005 + 1e-9);
  }
});

Deno.test("the scales of an accumulator's channels follow from the addition that reads it", () => {
  const network = resnet20.integerNetwork;
  const accumulators = [...network.tensors.values()].filter(({ perChannel }) => perChannel);
  assert.ok(accumulators.length > 0);
  for (const { name, scale, shape } of accumulators) {
    const scales = realScales(network, name)!;
    assert.equal(scales.length, shape[1]);
    assert.ok(Math.abs(scales[0] - scale) < 1e-6 * scale, `${name}: ${scales[0]} is not ${scale}`);
    assert.ok(new Set(scales).size > 1);
  }
});

Deno.test("images may be measured elsewhere, as data alone", async () => {
  const subject = openSubject(subjectFiles(resnet20));
  const options = { limit: 3, referenceLimit: 2 };
  const context = makeContext(subject, fashionImages(4), options);
  const asked: boolean[] = [];
  const elsewhere = await verify(context, async ({ dataset, images, referenceImages, subject, engines }, onRecord) => {
    const measure = imageMeasurer(engines, structuredClone(subject.graph));
    const records = Array.from({ length: images }, (_, image) => {
      asked.push(image < referenceImages);
      return measure(dataset, image, image < referenceImages);
    });
    await Promise.resolve();
    for (const record of records) onRecord(structuredClone(record));
  });
  assert.deepEqual(asked, [true, true, false]);
  assert.equal(encodeVerification(elsewhere), encodeVerification(await verified(resnet20, fashionImages(4), options)));
});

Deno.test("data that the network cannot take are an error, not a failed claim", async () => {
  const subject = openSubject(subjectFiles(resnet20));
  const images = fashionImages(1);
  const otherMean = { ...images, preprocess: { ...images.preprocess, mean: [0.5] } };
  expectError("input", () => makeContext(subject, otherMean), "mean 0.5", "0.286");
  expectError("input", () => makeContext(subject, { ...images, sampleShape: [3, 28, 28] }), "3x28x28", "1x1x28x28");
  const noPixels: Dataset = { ...images, kind: "float", sample: () => new Float32Array(784).fill(0.0123) };
  await expectRejection("input", verify(makeContext(subject, noPixels)), "not pixels normalised");
});

Deno.test("gates and limits that make no sense are usage errors", () => {
  const subject = openSubject(subjectFiles(resnet20));
  const images = fashionImages(1);
  expectError("usage", () => makeContext(subject, { ...images, labels: undefined }, { maxDrop: 0.5 }), "--labels");
  expectError("usage", () => makeContext(subject, images, { maxDrop: -1 }), "-1", "0..100");
  expectError("usage", () => makeContext(subject, images, { minAgreement: NaN }), "NaN");
  expectError("usage", () => makeContext(subject, images, { limit: 0 }), "limit 0");
  expectError("usage", () => makeContext(subject, images, { referenceLimit: 1.5 }), "reference limit 1.5");
});

Deno.test("every claim has a sentence of its own", () => {
  for (const { name, statement } of CLAIMS) {
    assert.match(name, /^[a-z]+(-[a-z]+)*$/);
    assert.match(statement, /^[A-Z].*[^.]$/);
  }
});

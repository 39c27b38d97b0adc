import assert from "node:assert/strict";
import { measureOnThreads } from "../../cli/measure_images.ts";
import { type Dataset, sampleAsFloat } from "../../lib/format/dataset.ts";
import { encodeVerification } from "../../lib/format/verification.ts";
import { makeContext, type VerifyOptions } from "../../lib/verify/context.ts";
import { openSubject } from "../../lib/verify/subject.ts";
import { verify } from "../../lib/verify/verify.ts";
import { expectRejection } from "../lib/format/expect_error.ts";
import { fashionImages, samplePipeline, subjectFiles } from "../lib/verify/sample_subject.ts";

/** More than two chunks of 8, some of them compared with the reference. */
const OPTIONS: VerifyOptions = { limit: 21, referenceLimit: 10, maxDrop: 100 };

const subject = openSubject(subjectFiles(samplePipeline("mobile")));
const images = fashionImages(22);

function verifyOn(
  threads: number | undefined,
  data: Dataset,
  onProgress: (done: number, total: number) => void = () => {},
) {
  const measure = measureOnThreads({ threads, onProgress, note: (text) => assert.fail(text) });
  return verify(makeContext(subject, data, OPTIONS), measure);
}

for (const threads of [1, 2, 3, undefined]) {
  Deno.test(`on ${threads ?? "worthwhile"} threads the verification is that of one image after the other`, async () => {
    const expected = encodeVerification(await verify(makeContext(subject, images, OPTIONS)));
    const shown: [number, number][] = [];
    const found = await verifyOn(threads, images, (done, total) => void shown.push([done, total]));
    assert.equal(encodeVerification(found), expected);
    assert.deepEqual(shown, shown.toSorted(([a], [b]) => a - b));
    assert.deepEqual(shown.at(-1), [21, 21]);
  });

  Deno.test(`on ${threads ?? "worthwhile"} threads the first sample that is refused is named`, async () => {
    const noPixels = new Float32Array(784).fill(0.0123);
    const sample = (i: number): Float32Array => [9, 20].includes(i) ? noPixels : sampleAsFloat(images, i);
    await expectRejection("input", verifyOn(threads, { ...images, kind: "float", sample }), /: sample 9\b/);
  });
}

import type { Verification } from "../format/verification.ts";
import { examine, type Refusal } from "./claim.ts";
import { CLAIMS } from "./claims/mod.ts";
import type { VerifyContext } from "./context.ts";
import { type Engines, imageMeasurer, type ImageRecord } from "./image_record.ts";
import { type Measurement, MeasurementSum } from "./measurement.ts";

/** What is measured: the images that the context says, with its engines or ones that equal them. */
export interface MeasureRequest extends Omit<VerifyContext, "engines"> {
  readonly engines: Engines;
}

/** Makes the record of every image, and gives them in the order of the images. */
export type MeasureImages = (request: MeasureRequest, onRecord: (record: ImageRecord) => void) => void | Promise<void>;

/** Measures one image after the other, here. */
export function measureHere(
  { subject, dataset, images, referenceImages, engines }: MeasureRequest,
  onRecord: (record: ImageRecord) => void,
): void {
  const measure = imageMeasurer(engines, subject.graph);
  for (let image = 0; image < images; image++) onRecord(measure(dataset, image, image < referenceImages));
}

/**
 * Examines every claim; one that fails never stops the others. The result depends on nothing but the files, the options
 * and the kernels that this machine selects. `measureImages` may measure wherever it likes, several images at a time.
 * @throws DyadError (input) for a sample that cannot be turned into the network's input.
 */
export async function verify(
  context: VerifyContext,
  measureImages: MeasureImages = measureHere,
): Promise<Verification> {
  const { subject, dataset, options } = context;
  const measurement = await measurementOf(context, measureImages);
  const claims = CLAIMS.map((claim) => examine(claim, { ...context, measurement }));
  const hashes: Record<string, string | undefined> = {
    ...Object.fromEntries(subject.files.map(({ role, sha256 }) => [role, sha256])),
    constants: subject.constantsSha256,
    data: dataset.sha256,
    labels: dataset.labelsSha256,
  };
  return {
    inputs: Object.fromEntries(Object.entries(hashes).flatMap(([role, sha256]) => sha256 ? [[role, { sha256 }]] : [])),
    options: { ...options },
    network: subject.network.name,
    passed: claims.every(({ status }) => status !== "failed"),
    claims,
  };
}

async function measurementOf(context: VerifyContext, measureImages: MeasureImages): Promise<Measurement | Refusal> {
  const { engines, subject, dataset } = context;
  if ("refused" in engines) return engines;
  const sum = new MeasurementSum(engines.tested.network, subject.graph, dataset.labels);
  await measureImages({ ...context, engines }, (record) => sum.add(record));
  return sum.result();
}

import type { IntegerNetwork } from "../../lib/format/network.ts";
import type { Graph } from "../../lib/ir/graph.ts";
import type { Backend } from "../../lib/runtime/engine.ts";
import { createEngines } from "../../lib/verify/context.ts";
import { type ImageMeasurer, imageMeasurer, type ImageRecord } from "../../lib/verify/image_record.ts";
import { type SampleChunk, sourceOf } from "../sample_chunks.ts";
import type { Compute, Job } from "./job.ts";

export interface VerifySetup {
  readonly network: IntegerNetwork;
  /** The network's file, as errors name it. */
  readonly name: string;
  /** The canonical float graph. */
  readonly graph: Graph;
  /** The tier under test. */
  readonly backend: Backend;
}

export interface VerifyTask {
  readonly chunk: SampleChunk;
  /** How many images of the data, the first, the reference runs as well. */
  readonly referenceImages: number;
}

/** What running images through the networks gives, which claims rest on. */
export const verifyJob: Job<VerifySetup, VerifyTask, ImageRecord[]> = {
  name: "verify",
  /** @throws DyadError (input), then or when it computes, for networks and samples that are refused. */
  open: ({ graph, backend, ...subject }) => chunkMeasurer(imageMeasurer(createEngines(subject, backend), graph)),
};

export function chunkMeasurer(measure: ImageMeasurer): Compute<VerifyTask, ImageRecord[]> {
  return function* ({ chunk, referenceImages }) {
    const samples = sourceOf(chunk);
    const records: ImageRecord[] = [];
    for (const i of chunk.samples.keys()) {
      const image = chunk.first + i;
      records.push(measure(samples, image, image < referenceImages));
      yield (i + 1) / chunk.samples.length;
    }
    return records;
  };
}

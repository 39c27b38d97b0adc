import type { IntegerNetwork } from "../lib/format/network.ts";
import { imageMeasurer } from "../lib/verify/image_record.ts";
import type { MeasureImages } from "../lib/verify/verify.ts";
import { bytesOf } from "../lib/tensor/dtype.ts";
import { sizeOf } from "../lib/tensor/shape.ts";
import { chunkMeasurer, verifyJob } from "./jobs/verify.ts";
import type { OnProgress } from "./progress.ts";
import { runChunks, worthwhileThreads } from "./sample_chunks.ts";
import { JobPool } from "./workers.ts";

/** Records hold all integers of an image that the reference ran: chunks are as many images as make so many bytes. */
const CHUNK_BYTES = 2 ** 22;
const CHUNK_IMAGES = 8;

/** How many chunks of each thread may wait for one of another. */
const WAITING_CHUNKS = 8;

export interface MeasureSurroundings {
  /** Default: as many as are worth it, at most one for each processor. */
  readonly threads?: number;
  readonly onProgress: OnProgress;
  note(text: string): void;
}

/**
 * Measures images for `verify` on several threads, with one pair of engines in each; where a network carries states on
 * one, in order.
 */
export function measureOnThreads({ threads: asked, onProgress, note }: MeasureSurroundings): MeasureImages {
  return async ({ subject, dataset, backend, images, referenceImages, engines }, onRecord) => {
    const { network, name, graph } = subject;
    const threads = network.states === undefined ? asked : 1;
    const measure = imageMeasurer(engines, graph);
    const chunkSize = Math.max(1, Math.min(CHUNK_IMAGES, Math.floor(CHUNK_BYTES / recordBytes(network))));
    const done = threads === undefined ? Math.min(chunkSize, images) : 0;
    const start = performance.now();
    for (let image = 0; image < done; image++) {
      onRecord(measure(dataset, image, image < referenceImages));
      onProgress(image + 1, images);
    }
    const shared = threads ?? worthwhileThreads((performance.now() - start) / done * (images - done));
    const job = { ...verifyJob, open: () => chunkMeasurer(measure) }; // this thread has its engines already
    const pool = new JobPool(job, { network, name, graph, backend }, { threads: shared, note });
    try {
      await runChunks(pool, {
        dataset,
        range: { first: done, end: images },
        chunkSize,
        waiting: WAITING_CHUNKS * shared,
        taskOf: (chunk) => ({ chunk, referenceImages }),
        onResult: (records) => records.forEach(onRecord),
        onProgress: (more) => onProgress(done + more, images),
      });
    } finally {
      await pool.close();
    }
  };
}

function recordBytes({ steps, tensors }: IntegerNetwork): number {
  return steps.reduce((sum, { output }) => {
    const { dtype, shape } = tensors.get(output)!;
    return sum + sizeOf(shape) * bytesOf(dtype);
  }, 1);
}

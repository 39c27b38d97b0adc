import { Worker } from "node:worker_threads";
import type { IntegerNetwork } from "../../lib/format/network.ts";

/** What a worker runs over the first test images: a float network of testdata by name, or an integer network. */
export interface LogitsTask {
  readonly network: string | IntegerNetwork;
  readonly images: number;
  /** Stop once the sum over images of the KL divergence from these logits of the float network is greater than this. */
  readonly until?: { readonly float: Float32Array; readonly divergence: number };
}

/** What a worker sends: after every few images how many, and at the end the logits of all that were run, image by image. */
export type LogitsAnswer =
  | { readonly kind: "progress"; readonly images: number }
  | { readonly kind: "logits"; readonly logits: Float32Array };

/**
 * The real-valued logits of every network for the first `images` test images, in the order of `networks`; one worker
 * per core. Of networks that `until` stops the logits are those of the images that were run. `onProgress` is told how many
 * images of how many have been run.
 */
export async function logitsOfNetworks(
  networks: readonly LogitsTask["network"][],
  images: number,
  onProgress: (done: number, total: number) => void = () => {},
  until?: LogitsTask["until"],
): Promise<Float32Array[]> {
  const results = new Array<Float32Array>(networks.length);
  const total = networks.length * images;
  let [next, done] = [0, 0];
  async function work(): Promise<void> {
    const worker = new Worker(new URL("./logits_worker.ts", import.meta.url));
    try {
      while (next < networks.length) {
        const index = next++;
        results[index] = await logitsOf(worker, { network: networks[index], images, until }, (more) => {
          onProgress(done += more, total);
        });
      }
    } finally {
      await worker.terminate();
    }
  }
  const workers = Math.min(navigator.hardwareConcurrency, networks.length);
  await Promise.all(Array.from({ length: workers }, work));
  return results;
}

function logitsOf(worker: Worker, task: LogitsTask, onImages: (images: number) => void): Promise<Float32Array> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      worker.removeAllListeners();
    };
    worker.on("message", (answer: LogitsAnswer) => {
      if (answer.kind === "progress") return onImages(answer.images);
      settle();
      resolve(answer.logits);
    });
    worker.on("error", (error) => {
      settle();
      reject(error);
    });
    worker.postMessage(task);
  });
}

import { ownContestants, peerContestant } from "./contestants.ts";
import { type Contestant, interleave, type Sampling, type Times } from "./interleave.ts";
import type { PreparedNetwork } from "./networks.ts";
import type { Peer, PeerModel } from "./peer.ts";

/** Everything that was timed on one piece of work, in turn. */
export interface Comparison {
  readonly work: string;
  readonly batch: number;
  /** Multiply-accumulate operations of the whole batch. */
  readonly macs: number;
  /** Of the batch, by contestant. */
  readonly times: ReadonlyMap<string, Times>;
}

/** Times a network on all backends and all peers. */
export async function compare(
  work: string,
  prepared: PreparedNetwork,
  batch: number,
  peers: readonly Peer[],
  sampling: Sampling,
): Promise<Comparison> {
  const folder = await Deno.makeTempDir({ prefix: "dyad-bench-" });
  const loaded: PeerModel[] = [];
  try {
    const contestants: Contestant[] = ownContestants(prepared, batch);
    const shape = [batch, ...prepared.inputShape.slice(1)];
    const models = { float: prepared.floatModel, int8: prepared.integerModel };
    for (const form of ["float", "int8"] as const) {
      const path = `${folder}/${form}.onnx`;
      await Deno.writeFile(path, models[form]);
      for (const peer of peers) {
        const contestant = await peerContestant(peer, form, path, shape);
        contestants.push(contestant);
        loaded.push(contestant.model);
      }
    }
    return { work, batch, macs: batch * prepared.macs, times: await interleave(contestants, sampling) };
  } finally {
    for (const model of loaded) await model[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  }
}

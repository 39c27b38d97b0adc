import { compileFloat } from "../../lib/float/engine.ts";
import type { IntegerNetwork } from "../../lib/format/network.ts";
import { nativeStatus } from "../../lib/runtime/native_status.ts";
import { type Backend, createEngine } from "../../lib/runtime/engine.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { type Contestant, localContestant } from "./interleave.ts";
import { integerInput, integerNetwork, type PreparedNetwork } from "./networks.ts";
import { benchFloats } from "./onnxruntime/bench_input.ts";
import type { Peer, PeerModel } from "./peer.ts";

/** What runs: `native 8/8`, `wasm float`, `node int8`, `web float`, ... */
export type ContestantName = `${Backend | Peer["name"]} ${string}`;

/** Weight and activation bits that the bench runs on a backend. */
export const BENCH_WIDTHS: Readonly<
  Record<"native" | "wasm", readonly (readonly [weight: number, activation: number])[]>
> = {
  native: [[8, 8]],
  wasm: [[8, 8], [8, 7], [7, 8], [4, 4]],
};

/** The backends of this machine that the bench runs. */
export function benchBackends(): ("native" | "wasm")[] {
  return nativeStatus().isAvailable ? ["native", "wasm"] : ["wasm"];
}

/** One image after the other through an integer network. */
export function integerContestant(
  name: ContestantName,
  network: IntegerNetwork,
  backend: Backend,
  batch: number,
): Contestant {
  const engine = createEngine(network, backend);
  const input = integerInput(network);
  return localContestant(name, () => {
    for (let i = 0; i < batch; i++) engine.run(input);
  });
}

/** Everything of this program that computes a network. */
export function ownContestants(prepared: PreparedNetwork, batch: number): Contestant[] {
  const input = benchFloats(sizeOf(prepared.inputShape));
  const networks = new Map<string, IntegerNetwork>();
  const networkOf = (weight: number, activation: number): IntegerNetwork => {
    const key = `${weight}/${activation}`;
    if (!networks.has(key)) networks.set(key, integerNetwork(prepared, weight, activation));
    return networks.get(key)!;
  };
  return [
    ...benchBackends().map((backend) => {
      const engine = compileFloat(prepared.graph, undefined, { backend, keepsValues: false });
      return localContestant(`${backend} float`, () => {
        for (let i = 0; i < batch; i++) engine.run(input);
      });
    }),
    ...benchBackends().flatMap((backend) =>
      BENCH_WIDTHS[backend].map(([weight, activation]) =>
        integerContestant(`${backend} ${weight}/${activation}`, networkOf(weight, activation), backend, batch)
      )
    ),
  ];
}

/** A model on a peer: the whole batch in one call. */
export async function peerContestant(
  peer: Peer,
  form: "float" | "int8",
  path: string,
  shape: readonly number[],
): Promise<Contestant & { readonly model: PeerModel }> {
  const model = await peer.load(path, shape);
  return { name: `${peer.name} ${form}`, model, run: (runs) => model.run(runs) };
}

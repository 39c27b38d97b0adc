/**
 * How long an integer network takes from its files to its first result, in a process that has done nothing before:
 *
 *     deno run -A tests/bench/first_inference.ts NETWORK.json NETWORK.safetensors native|wasm
 *
 * Prints `FirstInference` as JSON.
 */
import { selectKernel } from "../../kernels/mod.ts";
import { selectNativeKernel } from "../../kernels/x64/mod.ts";
import { decodeNetwork, encodeNetwork, type IntegerNetwork } from "../../lib/format/network.ts";
import { type Backend, createEngine } from "../../lib/runtime/engine.ts";
import { integerInput } from "./networks.ts";

/** Milliseconds. */
export interface FirstInference {
  /** From the decoded network to an engine: proof, code, packing, the self-test of native kernels. */
  readonly load: number;
  /** Of that, the weights in the order in which kernels read them, measured once more. */
  readonly packing: number;
  readonly first: number;
  readonly steady: number;
}

/** Measures it in a process of its own. */
export async function firstInference(network: IntegerNetwork, backend: Backend): Promise<FirstInference> {
  const folder = await Deno.makeTempDir({ prefix: "dyad-bench-" });
  try {
    const { json, constants } = encodeNetwork(network, { inputs: {}, options: {} });
    const files = [`${folder}/network.json`, `${folder}/network.safetensors`];
    await Deno.writeTextFile(files[0], json);
    await Deno.writeFile(files[1], constants);
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", import.meta.url, ...files, backend],
      stderr: "inherit",
    });
    const { success, stdout } = await command.output();
    if (!success) throw new Error("first_inference.ts failed");
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const STEADY_RUNS = 60;

function measure([json, constants, backend]: readonly string[]): FirstInference {
  const { network } = decodeNetwork(Deno.readTextFileSync(json), Deno.readFileSync(constants), json, constants);
  const input = integerInput(network);
  const timed = <T>(work: () => T): { readonly result: T; readonly ms: number } => {
    const start = performance.now();
    const result = work();
    return { result, ms: performance.now() - start };
  };
  const { result: engine, ms: load } = timed(() => createEngine(network, backend as Backend)); // which refuses others
  const { ms: first } = timed(() => engine.run(input));
  const steady = Array.from({ length: STEADY_RUNS }, () => timed(() => engine.run(input)).ms);
  const { ms: packing } = timed(() => {
    for (const { problem } of network.steps) {
      if (problem === undefined) continue;
      const kernel = backend === "native"
        ? selectNativeKernel(problem) ?? selectKernel(problem)
        : selectKernel(problem);
      kernel?.pack(problem);
    }
  });
  return { load, packing, first, steady: steady.toSorted((a, b) => a - b)[STEADY_RUNS >> 1] };
}

if (import.meta.main) console.log(JSON.stringify(measure(Deno.args)));

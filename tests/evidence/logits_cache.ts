import { encodeNetwork, type IntegerNetwork } from "../../lib/format/network.ts";
import { sha256 } from "../../lib/format/hash.ts";
import { logitsOfNetworks, type LogitsTask } from "./logits_pool.ts";

/**
 * `logitsOfNetworks`, with the logits of networks that were run before read from `folder`, where those of others are kept.
 * Integer networks are known by the hash of their artefact, which holds every integer; the float network is always run.
 */
export async function cachedLogits(
  networks: readonly LogitsTask["network"][],
  images: number,
  folder: string,
  onProgress?: (done: number, total: number) => void,
): Promise<Float32Array[]> {
  Deno.mkdirSync(folder, { recursive: true });
  const files = networks.map((network) =>
    typeof network === "string" ? undefined : `${folder}/${nameOf(network, images)}`
  );
  const known = files.map((file) => file === undefined ? undefined : readIfThere(file));
  const missing = networks.flatMap((_, i) => known[i] === undefined ? [i] : []);
  const found = await logitsOfNetworks(missing.map((i) => networks[i]), images, onProgress);
  missing.forEach((i, position) => {
    known[i] = found[position];
    const file = files[i];
    if (file !== undefined) Deno.writeFileSync(file, new Uint8Array(found[position].buffer));
  });
  return known.map((logits) => logits!);
}

function nameOf(network: IntegerNetwork, images: number): string {
  return `${sha256(encodeNetwork(network, { inputs: {}, options: {} }).json)}.${images}.f32`;
}

function readIfThere(file: string): Float32Array | undefined {
  try {
    return new Float32Array(Deno.readFileSync(file).buffer);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

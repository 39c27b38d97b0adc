/**
 * Runs the native kernels of processors with tiles on one without them: the tile instructions are emulated, everything
 * else is executed. Shows that the integers are right; how fast they come only such a processor could say. Needs gcc and
 * AVX-512; exits 1 when an integer differs.
 *
 *     deno run -A tests/evidence/amx/main.ts
 */
import { buildEmulator, runEmulated } from "../../kernels/x64/amx/emulator.ts";

const folder = await Deno.makeTempDir();
try {
  const built = await buildEmulator(folder);
  if ("reason" in built) {
    console.log(`not run: ${built.reason}`);
  } else {
    const script = new URL("emulated_networks.ts", import.meta.url);
    const { success, stdout, stderr } = await runEmulated(built.library, script, []);
    const text = new TextDecoder();
    if (success) console.table(JSON.parse(text.decode(stdout)));
    else console.error(text.decode(stderr));
    Deno.exitCode = success ? 0 : 1;
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

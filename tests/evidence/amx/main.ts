/**
 * Runs the native kernels of processors with tiles on one without them: the tile instructions are emulated, everything
 * else is executed. First convolutional networks at their full size, then the tests of whatever uses native kernels. Shows
 * that the integers are right; how fast they come only such a processor could say. Needs gcc and AVX-512; exits 1 when
 * something differs.
 *
 *     deno run -A tests/evidence/amx/main.ts
 */
import { buildEmulator, emulated, runEmulated } from "../../kernels/x64/amx/emulator.ts";

const ROOT = new URL("../../../", import.meta.url);
const TESTS = ["tests/kernels/x64_kernels", "tests/lib/runtime", "tests/lib/verify"];

/** A configuration in which `features_with_tiles.ts` takes the place of what asks the processor. */
async function writeConfiguration(path: string): Promise<void> {
  const { imports, compilerOptions } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const substitution = {
    [new URL("kernels/x64/cpu_features.ts", ROOT).href]: new URL("features_with_tiles.ts", import.meta.url).href,
  };
  const folders = ["kernels/", "lib/", "tests/kernels/", "tests/lib/"];
  const scopes = Object.fromEntries(folders.map((folder) => [new URL(folder, ROOT).href, substitution]));
  await Deno.writeTextFile(path, JSON.stringify({ imports, compilerOptions, scopes }));
}

async function compareNetworks(library: string): Promise<boolean> {
  const script = new URL("emulated_networks.ts", import.meta.url);
  const { success, stdout, stderr } = await runEmulated(library, script, []);
  const text = new TextDecoder();
  if (success) console.table(JSON.parse(text.decode(stdout)));
  else console.error(text.decode(stderr));
  return success;
}

async function runTests(library: string, configuration: string): Promise<boolean> {
  await writeConfiguration(configuration);
  const { success } = await emulated(library, {
    args: ["test", "--quiet", "-A", "--no-check", "--no-lock", `--config=${configuration}`, ...TESTS],
    cwd: ROOT,
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  return success;
}

const folder = await Deno.makeTempDir();
try {
  const built = await buildEmulator(folder);
  if ("reason" in built) {
    console.log(`not run: ${built.reason}`);
  } else {
    const isRight = await compareNetworks(built.library) && await runTests(built.library, `${folder}/deno.json`);
    Deno.exitCode = isRight ? 0 : 1;
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

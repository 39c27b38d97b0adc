/** The emulator of tile instructions (tests/evidence/amx/emulator.c): how it is built, used and asked. */

const SOURCE = new URL("../../../evidence/amx/emulator.c", import.meta.url).pathname;
const VARIABLE = "LD_PRELOAD";

/** The emulator for tests: where its library is, and options of tests that leave them out, and say so, without it. */
export interface Emulation {
  readonly library: string;
  readonly options: { readonly ignore: boolean };
}

let known: Promise<Emulation> | undefined;

/** Builds the emulator, once in a process. */
export function emulation(): Promise<Emulation> {
  return known ??= findEmulation();
}

async function findEmulation(): Promise<Emulation> {
  const folder = await Deno.makeTempDir();
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  const built = await buildEmulator(folder);
  if ("library" in built) return { library: built.library, options: { ignore: false } };
  console.log(`tests that emulate tiles are left out: ${built.reason}`);
  return { library: "", options: { ignore: true } }; // without a compiler nothing can be emulated
}

/** Builds the library into this folder: its path, or why there is none. */
export async function buildEmulator(folder: string): Promise<{ library: string } | { reason: string }> {
  const { os, arch } = Deno.build;
  if (os !== "linux" || arch !== "x86_64") {
    return { reason: `the emulator is for Linux on x86-64, not ${os} on ${arch}` };
  }
  if (/\bamx_tile\b/.test(await Deno.readTextFile("/proc/cpuinfo"))) {
    return { reason: "this processor has tiles, and runs the kernels themselves" };
  }
  const library = `${folder}/emulator.so`;
  const args = ["-O3", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, SOURCE];
  try {
    const { success, stderr } = await new Deno.Command("gcc", { args, stdout: "null" }).output();
    if (!success) throw new Error(`gcc ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { reason: "gcc is not installed" };
    throw error;
  }
  return { library };
}

/** Deno with these options, in a process that has the emulator. */
export function emulated(library: string, options: Deno.CommandOptions): Deno.Command {
  return new Deno.Command(Deno.execPath(), { ...options, env: { [VARIABLE]: library } });
}

/** Runs a script of this program in a process that has the emulator. */
export async function runEmulated(library: string, script: URL, args: readonly string[]): Promise<Deno.CommandOutput> {
  return await emulated(library, {
    args: ["run", "--quiet", "--no-check", "--allow-ffi", "--allow-read", "--allow-env", script.pathname, ...args],
  }).output();
}

/** How many tile instructions the emulator of this process has executed. */
export function emulatedInstructions(): bigint {
  const library = Deno.env.get(VARIABLE);
  if (library === undefined) throw new Error(`this process has no emulator: ${VARIABLE} is not set`);
  const emulator = Deno.dlopen(library, { emulated_instructions: { parameters: [], result: "u64" } });
  try {
    return emulator.symbols.emulated_instructions();
  } finally {
    emulator.close();
  }
}

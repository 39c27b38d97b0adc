import assert from "node:assert/strict";
import { writeConfiguration } from "../../../../kernels/x64/amx/tile_configuration.ts";
import { Assembler } from "../../../../kernels/x64/assembler.ts";
import { memory, rdi, rsi, tmm } from "../../../../kernels/x64/operands.ts";
import { emulation, runEmulated } from "./emulator.ts";

const { library, options } = await emulation();

const SCRIPT = new URL("emulated_code.ts", import.meta.url);
const PITCH = 8;
/** Places in the memory of a test program. */
const [LEFT, RIGHT, START, RESULT, BYTES] = [64, 128, 192, 256, 320];

/** Two rows of eight bytes in each of three tiles: sums, left factor, right factor. */
const EXTENTS = [0, 1, 2].map((number) => ({ register: tmm(number), rows: 2, rowBytes: PITCH }));

/** Memory with a configuration, factors, and sums to start from. */
function memoryOf(extents: typeof EXTENTS = EXTENTS): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  writeConfiguration(view, 0, extents);
  bytes.set([1, 2, 3, 4, 5, 6, 7, 8, 255, 0, 0, 1, 0, 0, 128, 0], LEFT);
  bytes.set([1, 1, 1, 1, 255, 0, 0, 2, 0, 0, 255, 0, 128, 0, 0, 0], RIGHT);
  view.setInt32(START, 10, true);
  view.setInt32(START + 4, 2 ** 31 - 1, true);
  return bytes;
}

async function run(code: Uint8Array, content: Uint8Array): Promise<{ result: Int32Array; fault?: string }> {
  const { success, stdout, stderr } = await runEmulated(library, SCRIPT, [code.toHex(), content.toHex()]);
  const text = new TextDecoder();
  if (!success) return { result: new Int32Array(), fault: text.decode(stderr) };
  return { result: new Int32Array(Uint8Array.fromHex(text.decode(stdout).trim()).buffer, RESULT, 4) };
}

function configured(): Assembler {
  return new Assembler().emit("mov", rsi, PITCH).emit("ldtilecfg", memory(rdi, 0));
}

/** Loads the factors, and sums that are the same in each row, or 0. */
function loaded(startsAtZero: boolean): Assembler {
  const code = configured()
    .emit("tileloadd", tmm(1), memory(rdi, LEFT, rsi))
    .emit("tileloadd", tmm(2), memory(rdi, RIGHT, rsi));
  return startsAtZero ? code.emit("tilezero", tmm(0)) : code.emit("tileloadd", tmm(0), memory(rdi, START));
}

function stored(code: Assembler): Uint8Array {
  return code.emit("tilestored", memory(rdi, RESULT, rsi), tmm(0)).emit("tilerelease").emit("ret").finish();
}

// By hand. Left rows: 1 2 3 4 | 5 6 7 8 and 255 0 0 1 | 0 0 128 0. Right columns: 1 1 1 1 | 0 0 255 0 and 255 0 0 2 | 128 0 0 0.
const PRODUCTS = [
  ["tdpbuud", [10 + 7 * 255, 255 + 8 + 5 * 128, 256 + 128 * 255, 255 * 255 + 2]],
  ["tdpbusd", [10 - 7, -1 + 8 - 5 * 128, 256 - 128, -255 + 2]],
  ["tdpbsud", [10 + 7 * 255, 255 + 8 + 5 * 128, 0 - 128 * 255, -255 + 2]],
  ["tdpbssd", [10 - 7, -1 + 8 - 5 * 128, 0 + 128, 1 + 2]],
] as const;

for (const [name, products] of PRODUCTS) {
  Deno.test(`the emulator's ${name} gives what is computed by hand`, options, async () => {
    const fromZero = await run(stored(loaded(true).emit(name, tmm(0), tmm(1), tmm(2))), memoryOf());
    assert.deepEqual([...fromZero.result], products);
    const wrapped = await run(stored(loaded(false).emit(name, tmm(0), tmm(1), tmm(2))), memoryOf());
    assert.deepEqual([...wrapped.result], products.map((value, i) => value + [10, 2 ** 31 - 1][i % 2] | 0));
  });
}

const product = () => new Assembler().emit("tdpbusd", tmm(0), tmm(1), tmm(2)).emit("ret").finish();
const productOf = (extents: typeof EXTENTS): [Uint8Array, Uint8Array] => [
  stored(loaded(true).emit("tdpbusd", tmm(0), tmm(1), tmm(2))),
  memoryOf(extents),
];

/** What a processor refuses. */
const FAULTS: readonly (readonly [string, [Uint8Array, Uint8Array], RegExp])[] = [
  ["a product without configuration", [product(), memoryOf()], /#UD: tiles are not configured/],
  [
    "a tile that is not configured",
    [configured().emit("tilezero", tmm(3)).emit("ret").finish(), memoryOf()],
    /#UD: this tile/,
  ],
  ["a left factor of other rows", productOf(EXTENTS.with(1, { ...EXTENTS[1], rows: 3 })), /#UD: sums and left factor/],
  ["factors that do not fit", productOf(EXTENTS.with(2, { ...EXTENTS[2], rows: 1 })), /#UD: rows of the left factor/],
  ["columns that differ", productOf(EXTENTS.with(2, { ...EXTENTS[2], rowBytes: 12 })), /#UD: rows of sums and right/],
  [
    "17 rows",
    [configured().emit("ret").finish(), memoryOf(EXTENTS.with(0, { ...EXTENTS[0], rows: 17 }))],
    /#GP: a tile is larger/,
  ],
  ["rows without bytes", productOf(EXTENTS.with(0, { ...EXTENTS[0], rowBytes: 0 })), /#GP: a tile has rows/],
  ["another palette", [configured().emit("ret").finish(), memoryOf().with(0, 2)], /#GP: there is no such palette/],
  [
    "a product of a tile with itself",
    [Uint8Array.of(...configured().finish(), 0xc4, 0xe2, 0x71, 0x5e, 0xc1), memoryOf()],
    /#UD: the three tiles/,
  ],
];

for (const [what, [code, content], message] of FAULTS) {
  Deno.test(`the emulator refuses ${what}`, options, async () => {
    assert.match((await run(code, content)).fault ?? "", message);
  });
}

Deno.test("a compiler's matrix product by Intel's intrinsics is right under the emulator", options, async () => {
  const folder = await Deno.makeTempDir();
  try {
    const source = new URL("../../../evidence/amx/intrinsics.c", import.meta.url).pathname;
    const args = ["-O2", "-mamx-tile", "-mamx-int8", "-o", `${folder}/intrinsics`, source];
    const text = new TextDecoder();
    const compiled = await new Deno.Command("gcc", { args }).output();
    assert(compiled.success, text.decode(compiled.stderr));
    const run = (env: Record<string, string>) => new Deno.Command(`${folder}/intrinsics`, { env }).output();
    assert.equal((await run({})).signal, "SIGILL");
    const { success, stderr } = await run({ LD_PRELOAD: library });
    assert(success, text.decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

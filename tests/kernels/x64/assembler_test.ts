import assert from "node:assert/strict";
import { Assembler } from "../../../kernels/x64/assembler.ts";
import { INSTRUCTIONS } from "../../../kernels/x64/instructions.ts";
import * as x64 from "../../../kernels/x64/operands.ts";
import type { Label } from "../../../kernels/x64/operands.ts";
import { gnuAssemble, hasGnuAssembler } from "./gnu_assembler.ts";
import { type Sample, samples } from "./samples.ts";

const hexadecimal = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

/** Appends the sample; its jump goes to `start`. */
function emit(assembler: Assembler, start: Label, { name, operands }: Sample): void {
  const placed = operands.map((operand) => typeof operand === "object" && operand.kind === "label" ? start : operand);
  assembler.emit(name as "ret", ...placed as []); // samples are made from the table: their operands are of its kinds
}

/** The bytes of each instruction, all in one piece of code whose jumps go to its start. */
function assemble(listing: readonly Sample[]): string[] {
  const whole = new Assembler();
  const start = whole.label();
  whole.bind(start);
  let end = 0;
  const ends = listing.map((sample) => {
    emit(whole, start, sample);
    const alone = new Assembler();
    emit(alone.bind(start), start, sample);
    return end += alone.finish().length;
  });
  const code = whole.finish();
  assert.equal(code.length, end);
  return ends.map((end, i) => hexadecimal(code.subarray(ends[i - 1] ?? 0, end)));
}

// Golden bytes for machines without binutils. Made where GNU as agrees: deno test -A --update-snapshots <this file>
Deno.test("every instruction at the edges of its operands has the bytes of GNU as", async (t) => {
  const listing = samples();
  const bytes = assemble(listing);
  const lines = (encodings: readonly string[]): string[] => encodings.map((hex, i) => `${listing[i].text} = ${hex}`);
  if (await hasGnuAssembler()) {
    const expected = await gnuAssemble(listing.map(({ text }) => text));
    assert.equal(expected.length, listing.length);
    const differing = lines(bytes).filter((_, i) => bytes[i] !== expected[i]);
    assert.deepEqual(differing, lines(expected).filter((_, i) => bytes[i] !== expected[i]));
  } else {
    console.log("no GNU as of x86-64 here: only the golden bytes are compared");
  }
  await t.assertSnapshot(lines(bytes).join("\n"), { serializer: (text) => text });
});

Deno.test("no row of the table is like another", () => {
  const encodings = INSTRUCTIONS.map(([, operands, roles, encoding]) => `${operands.join(", ")} ${roles} ${encoding}`);
  assert.deepEqual(encodings.filter((encoding, i) => encodings.indexOf(encoding) !== i), []);
});

const { rax, rbp, rsp } = x64;
const REFUSED: readonly (readonly [string, () => void, RegExp])[] = [
  ["vectors of unequal lengths", () => new Assembler().emit("vpaddd", x64.zmm(0), x64.ymm(1), x64.zmm(2)), /v256:1/],
  ["a source of the wrong length", () => new Assembler().emit("vpmovzxbd", x64.zmm(0), x64.ymm(1)), /quarter/],
  ["registers of unequal widths", () => new Assembler().emit("mov", rax, x64.low32(rbp)), /r64:0, r32:5/],
  ["an immediate of 33 bits", () => new Assembler().emit("add", rax, 2 ** 32), /4294967296/],
  ["an immediate of 65 bits", () => new Assembler().emit("mov", rax, 2n ** 64n), /imm64/],
  ["a fraction", () => new Assembler().emit("mov", rax, 0.5), /0\.5/],
  [
    "a masked source",
    () => new Assembler().emit("vpaddd", x64.zmm(0), x64.masked(x64.zmm(1), x64.k(1)), x64.zmm(2)),
    /k1/,
  ],
  [
    "a broadcast of bytes",
    () => new Assembler().emit("vpmovzxbd", x64.zmm(0), x64.broadcast(x64.memory(rax))),
    /broadcast/,
  ],
  [
    "a product of a tile with itself",
    () => new Assembler().emit("tdpbusd", x64.tmm(0), x64.tmm(1), x64.tmm(1)),
    /tmm1/,
  ],
  ["k0 as a mask", () => x64.masked(x64.zmm(0), x64.k(0)), /k0/],
  ["rsp as an index", () => x64.memory(rax, 0, rsp), /rsp/],
  ["a displacement of 33 bits", () => x64.memory(rax, 2 ** 31), /2147483648/],
  ["vector register 32", () => x64.zmm(32), /0\.\.31/],
  ["mask register 8", () => x64.k(8), /0\.\.7/],
];

for (const [what, make, message] of REFUSED) {
  Deno.test(`${what} cannot be encoded`, () => {
    assert.throws(make, (error) => error instanceof RangeError && message.test(error.message));
  });
}

Deno.test("labels are bound once, and all that are jumped to", () => {
  const assembler = new Assembler();
  const label = assembler.label();
  assembler.emit("jne", label);
  assert.throws(() => assembler.finish(), RangeError);
  assembler.bind(label).emit("ret");
  assert.throws(() => assembler.bind(label), RangeError);
  assert.deepEqual([...assembler.finish()], [0x0f, 0x85, 0, 0, 0, 0, 0xc3]);
});

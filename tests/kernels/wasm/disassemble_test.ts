import assert from "node:assert/strict";
import { disassemble, findForbidden } from "../../../kernels/wasm/disassemble.ts";
import { disassemblyText } from "../../../kernels/wasm/disassembly_text.ts";
import type { FunctionBuilder } from "../../../kernels/wasm/function_builder.ts";
import { unsignedLeb128 } from "../../../kernels/wasm/leb128.ts";
import { ModuleBuilder } from "../../../kernels/wasm/module.ts";
import { type NameOf, OPCODES } from "../../../kernels/wasm/opcodes.ts";

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

function section(id: number, ...content: number[]): number[] {
  return [id, ...unsignedLeb128(content.length), ...content];
}

/** A module written by hand: one function of type () -> (), its body given with local declarations. */
function handWritten(body: readonly number[], ...extra: number[][]): Uint8Array {
  const sized = [...unsignedLeb128(body.length), ...body];
  return Uint8Array.from([
    ...HEADER,
    ...section(1, 1, 0x60, 0, 0),
    ...section(3, 1, 0),
    ...extra.flat(),
    ...section(10, 1, ...sized),
  ]);
}

function moduleOf(build: (f: FunctionBuilder) => void): Uint8Array {
  const module = new ModuleBuilder();
  module.export("exported", module.addFunction("named", { parameters: ["i32"], results: [] }, build));
  return module.toBytes();
}

Deno.test("what the emitter wrote is what the disassembler reads, immediates included", () => {
  const bytes = moduleOf((f) => {
    const vector = f.local("v128");
    f.get(f.parameters[0]).memory("v128.load", 300).set(vector);
    f.repeat(3, () => f.get(f.parameters[0]).get(vector).memoryLane("v128.store16_lane", 7, 5));
    f.i64(-(2n ** 63n)).op("drop").i32(-129).op("drop");
    f.v128(new Uint8Array(16).fill(0xab)).get(vector).shuffle(Array.from({ length: 16 }, (_, i) => 31 - i)).op("drop");
    f.get(vector).lane("i32x4.extract_lane", 3).if(() => f.op("nop"), () => f.op("unreachable"));
  });
  const { functions: [f] } = disassemble(bytes);
  assert.deepEqual([f.name, f.index, f.parameters, f.results, f.locals], ["named", 0, ["i32"], [], ["v128", "i32"]]);
  assert.deepEqual(f.instructions.map(({ name, immediates }) => [name, ...immediates]), [
    ["local.get", 0],
    ["v128.load", 300],
    ["local.set", 1],
    ["i32.const", 3],
    ["local.set", 2],
    ["loop"],
    ["local.get", 0],
    ["local.get", 1],
    ["v128.store16_lane", 7, 5],
    ["local.get", 2],
    ["i32.const", 1],
    ["i32.sub"],
    ["local.tee", 2],
    ["br_if", 0],
    ["end"],
    ["i64.const", -(2n ** 63n)],
    ["drop"],
    ["i32.const", -129],
    ["drop"],
    ["v128.const", "ab".repeat(16)],
    ["local.get", 1],
    ["i8x16.shuffle", ...Array.from({ length: 16 }, (_, i) => 31 - i)],
    ["drop"],
    ["local.get", 1],
    ["i32x4.extract_lane", 3],
    ["if"],
    ["nop"],
    ["else"],
    ["unreachable"],
    ["end"],
    ["end"],
  ]);
  for (const { name, offset } of f.instructions) {
    const { prefix, code } = OPCODES.find((opcode) => opcode.name === name)!;
    assert.equal(bytes[offset], prefix === 0 ? code : prefix, name);
  }
});

Deno.test("every instruction without immediates survives a round trip", () => {
  const names = OPCODES.filter(({ immediates }) => immediates === "none").map(({ name }) => name as NameOf<"none">);
  const { functions: [f] } = disassemble(moduleOf((builder) => builder.op(...names)));
  assert.deepEqual(f.instructions.map(({ name }) => name), [...names, "end"]);
});

Deno.test("a hand-written module without anything forbidden is clean", () => {
  // block (result i32) i32.const 1 end, br_table, drop
  const body = [0, 0x02, 0x7f, 0x41, 0x01, 0x0b, 0x1a, 0x41, 0x00, 0x0e, 0x01, 0x00, 0x00, 0x0b];
  const { functions: [f] } = disassemble(handWritten(body));
  assert.deepEqual(f.instructions.map(({ name, immediates }) => [name, ...immediates]), [
    ["block", "i32"],
    ["i32.const", 1],
    ["end"],
    ["drop"],
    ["i32.const", 0],
    ["br_table", 0, 0],
    ["end"],
  ]);
  assert.deepEqual(findForbidden(handWritten(body)), []);
});

Deno.test("an f32.add is found, with its function and its offset", () => {
  // f32.const 1, f32.const 1, f32.add, drop
  const one = [0x43, 0x00, 0x00, 0x80, 0x3f];
  const bytes = handWritten([0, ...one, ...one, 0x92, 0x1a, 0x0b]);
  const found = findForbidden(bytes);
  assert.deepEqual(found.map(({ what }) => what), ["f32.const", "f32.const", "f32.add"]);
  assert.equal(bytes[found[2].offset], 0x92);
  assert.equal(found[2].function, "function 0");
});

Deno.test("float locals, parameters, results, blocks and globals are found", () => {
  assert.deepEqual(findForbidden(handWritten([1, 2, 0x7d, 0x0b])).map(({ what }) => what), ["f32 local", "f32 local"]);
  const block = handWritten([0, 0x03, 0x7c, 0x00, 0x0b, 0x1a, 0x0b]);
  assert.deepEqual(findForbidden(block).map(({ what }) => what), ["loop of type f64"]);
  const global = handWritten([0, 0x0b], section(6, 1, 0x7c, 0x00, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b));
  assert.deepEqual(findForbidden(global).map(({ what }) => what), ["f64 global"]);
  const module = new ModuleBuilder();
  module.addFunction("typed", { parameters: ["f32"], results: ["f64"] }, (f) => f.op("unreachable"));
  assert.deepEqual(findForbidden(module.toBytes()).map(({ what }) => what), ["f32 parameter", "f64 result"]);
});

Deno.test("divisions, remainders, vector floats and conversions are found; integer neighbours are not", () => {
  const forbidden: NameOf<"none">[] = [
    "i32.div_s",
    "i32.rem_u",
    "i64.div_u",
    "i64.rem_s",
    "f32x4.mul",
    "f64x2.sqrt",
    "f32x4.relaxed_madd",
    "i32.trunc_f32_s",
    "i32x4.trunc_sat_f32x4_s",
    "i64.reinterpret_f64",
    "f32x4.splat",
  ];
  const clean: NameOf<"none">[] = ["i32.mul", "i64.shr_s", "i32x4.dot_i16x8_s", "i64x2.shr_u", "i16x8.q15mulr_sat_s"];
  const found = findForbidden(moduleOf((f) => forbidden.forEach((name, i) => f.op(name, clean[i % clean.length]))));
  assert.deepEqual(found.map(({ what }) => what), forbidden);
  assert.deepEqual(findForbidden(moduleOf((f) => f.op(...clean))), []);
  const memory = findForbidden(moduleOf((f) => f.memory("f32.load").memory("v128.load").memory("f64.store")));
  assert.deepEqual(memory.map(({ what }) => what), ["f32.load", "f64.store"]);
});

Deno.test("an unknown opcode, a truncated module and foreign bytes are clear errors", () => {
  assert.throws(() => disassemble(handWritten([0, 0xfe, 0x00, 0x0b])), /unknown WebAssembly opcode fe at byte \d+/);
  assert.throws(
    () => disassemble(handWritten([0, 0xfd, 0xff, 0x7f, 0x0b])),
    /unknown WebAssembly opcode fd ff 7f at byte/,
  );
  assert.throws(() => disassemble(handWritten([1, 1, 0x01, 0x0b])), /unknown value type 0x1/);
  const whole = handWritten([0, 0x0b]);
  assert.throws(() => disassemble(whole.subarray(0, whole.length - 1)), /ends too early/);
  assert.throws(() => disassemble(new TextEncoder().encode("not wasm")), /not a WebAssembly module/);
  assert.throws(() => disassemble(new Uint8Array(0)), /not a WebAssembly module/);
});

Deno.test("the text form indents by block", () => {
  const text = disassemblyText(moduleOf((f) => f.i32(1).if(() => f.loop(() => f.op("nop")))));
  assert.equal(
    text,
    [
      "named (i32) -> ()",
      "  i32.const 1",
      "  if",
      "    loop",
      "      nop",
      "    end",
      "  end",
      "end",
      "",
    ].join("\n"),
  );
});

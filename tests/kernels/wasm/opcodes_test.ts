import assert from "node:assert/strict";
import fc from "fast-check";
import type { FunctionBuilder } from "../../../kernels/wasm/function_builder.ts";
import { ByteReader, signedLeb128, unsignedLeb128 } from "../../../kernels/wasm/leb128.ts";
import { ModuleBuilder } from "../../../kernels/wasm/module.ts";
import { type NameOf, OPCODES, type ValueType } from "../../../kernels/wasm/opcodes.ts";

function instantiate(module: ModuleBuilder): { call: (...values: unknown[]) => unknown; bytes: Uint8Array } {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes()), { env: { memory } });
  return {
    call: instance.exports.f as (...values: unknown[]) => unknown,
    bytes: new Uint8Array(memory.buffer),
  };
}

function exported(
  parameters: readonly ValueType[],
  results: readonly ValueType[],
  build: (f: FunctionBuilder) => void,
): ReturnType<typeof instantiate> {
  const module = new ModuleBuilder();
  module.export("f", module.addFunction("f", { parameters, results }, build));
  return instantiate(module);
}

/** Applies an instruction to vectors in memory, as bytes in and bytes out. */
function applyToVectors(
  operands: readonly ArrayBufferView[],
  emit: (f: FunctionBuilder) => void,
): Uint8Array<ArrayBuffer> {
  const { call, bytes } = exported([], [], (f) => {
    f.i32(1024);
    operands.forEach((_, i) => f.i32(16 * i).memory("v128.load"));
    emit(f);
    f.memory("v128.store");
  });
  operands.forEach((operand, i) => bytes.set(new Uint8Array(operand.buffer, operand.byteOffset, 16), 16 * i));
  call();
  return bytes.slice(1024, 1040);
}

Deno.test("every instruction of the table has the bytes and the immediates that the engine expects", () => {
  // These name tables, globals, segments or types, which the module below does not have; and block structure.
  const needContext =
    /^(else|end|block|loop|if|br|br_if|br_table|call|call_indirect|global\.|table\.|elem\.|data\.|memory\.init|ref\.|select_typed|local\.|return)/;
  const zeros: Record<string, number[]> = {
    none: [],
    index: [0],
    index_pair: [0, 0],
    i32: [0],
    i64: [0],
    f32: new Array(4).fill(0),
    f64: new Array(8).fill(0),
    v128: new Array(16).fill(0),
    memory: [0, 0],
    memory_lane: [0, 0, 0],
    lane: [0],
    shuffle: new Array(16).fill(0),
  };
  for (const { name, prefix, code, immediates } of OPCODES) {
    if (needContext.test(name)) continue;
    // After `unreachable` the stack holds whatever an instruction asks for.
    const instruction = [...(prefix === 0 ? [code] : [prefix, ...unsignedLeb128(code)]), ...zeros[immediates]];
    const body = [0, 0x00, ...instruction, 0x00, 0x0b];
    const module = Uint8Array.from([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...[1, 4, 1, 0x60, 0, 0],
      ...[3, 2, 1, 0],
      ...[5, 3, 1, 0, 1],
      ...[10, body.length + 2, 1, body.length, ...body],
    ]);
    assert(WebAssembly.validate(module), `${name}: ${instruction.map((byte) => byte.toString(16)).join(" ")}`);
  }
});

Deno.test("no two instructions share a name or a code", () => {
  assert.equal(new Set(OPCODES.map(({ name }) => name)).size, OPCODES.length);
  assert.equal(new Set(OPCODES.map(({ prefix, code }) => prefix * 2 ** 16 + code)).size, OPCODES.length);
});

Deno.test("scalar instructions compute what their names say", () => {
  const cases: readonly [NameOf<"none">, ValueType, readonly (number | bigint)[], ValueType, number | bigint][] = [
    ["i32.add", "i32", [2 ** 31 - 1, 1], "i32", -(2 ** 31)],
    ["i32.sub", "i32", [3, 5], "i32", -2],
    ["i32.mul", "i32", [-3, 5], "i32", -15],
    ["i32.eqz", "i32", [0], "i32", 1],
    ["i32.shr_u", "i32", [-1, 28], "i32", 15],
    ["i64.add", "i64", [2n ** 40n, 1n], "i64", 2n ** 40n + 1n],
    ["i64.mul", "i64", [-(2n ** 40n), 5n], "i64", -5n * 2n ** 40n],
    ["i64.shr_s", "i64", [-5n, 1n], "i64", -3n],
    ["i64.lt_s", "i64", [-1n, 0n], "i32", 1],
    ["i64.gt_s", "i64", [-1n, 0n], "i32", 0],
    ["i64.extend_i32_s", "i32", [-7], "i64", -7n],
    ["i64.extend_i32_u", "i32", [-1], "i64", 2n ** 32n - 1n],
    ["i32.wrap_i64", "i64", [2n ** 33n + 5n], "i32", 5],
    ["f32.add", "f32", [1.5, 2.25], "f32", 3.75],
    ["f64.div", "f64", [1, 8], "f64", 0.125],
    ["i32.div_s", "i32", [-7, 2], "i32", -3],
    ["i64.rem_u", "i64", [7n, 4n], "i64", 3n],
  ];
  for (const [name, type, operands, result, expected] of cases) {
    const parameters = operands.map(() => type);
    const { call } = exported(parameters, [result], (f) => {
      f.parameters.forEach((parameter) => f.get(parameter));
      f.op(name);
    });
    assert.equal(call(...operands), expected, name);
  }
});

Deno.test("vector instructions compute what their names say", () => {
  const words = (...values: number[]): Int32Array => Int32Array.from(values);
  const longs = (...values: bigint[]): BigInt64Array => BigInt64Array.from(values);
  const halves = (values: number[]): Int16Array => Int16Array.from(values);
  const ramp = Int16Array.from({ length: 8 }, (_, i) => 1000 * (i - 4));
  const cases: readonly [NameOf<"none">, readonly ArrayBufferView[], ArrayBufferView][] = [
    ["i32x4.dot_i16x8_s", [ramp, ramp], words(16e6 + 9e6, 4e6 + 1e6, 1e6, 4e6 + 9e6)],
    ["i32x4.add", [words(1, 2, 3, 2 ** 31 - 1), words(4, 5, 6, 1)], words(5, 7, 9, -(2 ** 31))],
    ["i32x4.mul", [words(-1, 2, 3, 2 ** 16), words(4, 5, 6, 2 ** 15)], words(-4, 10, 18, -(2 ** 31))],
    ["i64x2.extmul_low_i32x4_s", [words(-7, 2 ** 30, 9, 9), words(5, 2 ** 30, 9, 9)], longs(-35n, 2n ** 60n)],
    ["i64x2.extmul_high_i32x4_s", [words(9, 9, -7, 2 ** 30), words(9, 9, 5, 2 ** 30)], longs(-35n, 2n ** 60n)],
    ["i64x2.add", [longs(-1n, 2n ** 62n), longs(2n, 1n)], longs(1n, 2n ** 62n + 1n)],
    ["i32x4.max_s", [words(-1, 2, -3, 4), words(0, 0, 0, 0)], words(0, 2, 0, 4)],
    ["i32x4.min_s", [words(-1, 2, -3, 4), words(0, 0, 0, 0)], words(-1, 0, -3, 0)],
    [
      "i16x8.narrow_i32x4_s",
      [words(1, 40000, -40000, 4), words(5, 6, 7, 8)],
      halves([1, 32767, -32768, 4, 5, 6, 7, 8]),
    ],
    ["i16x8.narrow_i32x4_u", [words(1, 70000, -1, 4), words(5, 6, 7, 8)], halves([1, -1, 0, 4, 5, 6, 7, 8])],
    [
      "i8x16.narrow_i16x8_u",
      [halves([1, 300, -1, 4, 5, 6, 7, 8]), halves([9, 9, 9, 9, 9, 9, 9, 256])],
      Uint8Array.of(1, 255, 0, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 255),
    ],
    ["i16x8.extend_low_i8x16_u", [new Uint8Array(16).fill(200)], new Int16Array(8).fill(200)],
    ["i32x4.extend_low_i16x8_u", [new Uint16Array(8).fill(65535)], words(65535, 65535, 65535, 65535)],
    ["i8x16.max_u", [new Uint8Array(16).fill(200), new Uint8Array(16).fill(100)], new Uint8Array(16).fill(200)],
    ["i16x8.min_u", [new Uint16Array(8).fill(60000), new Uint16Array(8).fill(7)], new Uint16Array(8).fill(7)],
    ["f32x4.mul", [Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6, 7, 8)], Float32Array.of(5, 12, 21, 32)],
    ["f32x4.pmax", [Float32Array.of(-1, NaN, 3, 4), new Float32Array(4)], Float32Array.of(0, NaN, 3, 4)],
    ["f32x4.pmin", [Float32Array.of(-1, NaN, 3, 4), new Float32Array(4)], Float32Array.of(-1, NaN, 0, 0)],
  ];
  for (const [name, operands, expected] of cases) {
    const result = applyToVectors(operands, (f) => f.op(name));
    assert.deepEqual(result, new Uint8Array(expected.buffer, expected.byteOffset, 16).slice(), name);
  }
});

Deno.test("immediates reach the engine: constants, lanes, shuffles, offsets", () => {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
  assert.deepEqual(applyToVectors([], (f) => f.v128(bytes)), bytes);
  const reversed = Uint8Array.from(bytes).reverse();
  assert.deepEqual(applyToVectors([bytes, bytes], (f) => f.shuffle([...reversed])), reversed);
  assert.deepEqual(
    applyToVectors([bytes], (f) => f.i32(3).op("i64x2.shr_u")),
    new Uint8Array(new BigUint64Array(new BigUint64Array(bytes.buffer).map((lane) => lane >> 3n)).buffer),
  );
  const { call, bytes: memory } = exported(["i32"], ["i64"], (f) => {
    const [address] = f.parameters;
    f.get(address).get(address).memory("v128.load64_splat", 8).memoryLane("v128.store16_lane", 40, 1);
    f.get(address).memory("v128.load").lane("i64x2.extract_lane", 1);
  });
  memory.set(bytes, 200);
  assert.equal(call(200), 0x0f0e0d0c0b0a0908n);
  assert.deepEqual([...memory.subarray(240, 242)], [10, 11]);
});

Deno.test("loops run as often as they say: never, once, many times, and as a value tells", () => {
  for (const count of [0, 1, 2, 7]) {
    const { call } = exported(["i32"], ["i32"], (f) => {
      const total = f.local("i32");
      f.repeat(count, () => f.advance(total, 10));
      f.get(f.parameters[0]).repeatDynamic(() => f.advance(total, 1));
      f.get(total);
    });
    assert.equal(call(0), 10 * count);
    assert.equal(call(5), 10 * count + 5);
  }
});

Deno.test("LEB128 integers survive a round trip", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (value) => {
    assert.equal(new ByteReader(Uint8Array.from(unsignedLeb128(value))).unsigned(), value);
  }));
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
    assert.equal(new ByteReader(Uint8Array.from(signedLeb128(value))).signed(), value);
  }));
  assert.deepEqual(signedLeb128(-1n), [0x7f]);
  assert.deepEqual(signedLeb128(64n), [0xc0, 0x00]);
  assert.deepEqual(unsignedLeb128(624485), [0xe5, 0x8e, 0x26]);
  assert.throws(() => unsignedLeb128(-1), RangeError);
});

Deno.test("equal functions are one function, exports are checked", () => {
  const module = new ModuleBuilder();
  const one = module.addFunction("one", { parameters: [], results: ["i32"] }, (f) => f.i32(1));
  assert.equal(module.addFunction("again", { parameters: [], results: ["i32"] }, (f) => f.i32(1)), one);
  const two = module.addFunction("two", { parameters: [], results: ["i32"] }, (f) => f.call(one).i32(1).op("i32.add"));
  assert.notEqual(two, one);
  module.export("f", two);
  assert.equal(instantiate(module).call(), 2);
  assert.throws(() => module.export("f", one), /declared twice/);
  assert.throws(() => module.export("g", 9), /no function 9/);
});

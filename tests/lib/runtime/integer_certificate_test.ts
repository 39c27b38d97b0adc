import assert from "node:assert/strict";
import { ModuleBuilder } from "../../../kernels/wasm/module.ts";
import { Assembler } from "../../../kernels/x64/assembler.ts";
import { memory, rax, zmm } from "../../../kernels/x64/operands.ts";
import { sha256 } from "../../../lib/format/hash.ts";
import { certifyMachineCode, certifyModule } from "../../../lib/runtime/integer_certificate.ts";

Deno.test("a certificate counts everything that it looked at", () => {
  const builder = new ModuleBuilder();
  builder.addFunction("add", { parameters: ["i32", "i32"], results: ["i32"] }, (f) => {
    f.get(f.parameters[0]).get(f.parameters[1]).op("i32.add");
  });
  builder.addFunction("negate", { parameters: ["i32"], results: ["i32"] }, (f) => {
    f.get(f.parameters[0]).get(f.parameters[0]).op("i32.sub");
  });
  const module = builder.toBytes();
  assert.deepEqual(certifyModule(module), {
    sha256: sha256(module),
    bytes: module.length,
    functions: 2,
    instructions: 8, // two reads, one operation and the end, twice
    opcodes: ["end", "i32.add", "i32.sub", "local.get"],
    forbidden: [],
  });
});

Deno.test("a certificate names what integer-only code must not have", () => {
  const builder = new ModuleBuilder();
  builder.addFunction("remainder", { parameters: ["i64", "i64"], results: ["i64"] }, (f) => {
    f.get(f.parameters[0]).get(f.parameters[1]).op("i64.rem_u");
  });
  builder.addFunction("lanes", { parameters: ["v128"], results: ["v128"] }, (f) => {
    f.get(f.parameters[0]).op("f32x4.sqrt");
  });
  const { forbidden } = certifyModule(builder.toBytes());
  assert.deepEqual(forbidden.map((found) => `${found.function} ${found.what}`), [
    "remainder i64.rem_u",
    "lanes f32x4.sqrt",
  ]);
});

Deno.test("bytes that are not a module have no certificate", () => {
  assert.throws(() => certifyModule(Uint8Array.of(0, 97, 115, 109)), RangeError);
});

function squares(): Uint8Array<ArrayBuffer> {
  return new Assembler().emit("vpmuldq", zmm(1), zmm(1), zmm(1)).emit("vmovdqu32", memory(rax), zmm(1)).emit("ret")
    .finish();
}

/** Two pieces, and zeros between and behind them, as they would lie in memory. */
function inMemory(first: Uint8Array, second: Uint8Array) {
  const bytes = new Uint8Array(192);
  bytes.set(first);
  bytes.set(second, 64);
  return { bytes, pieces: [{ offset: 0, code: first }, { offset: 64, code: second }] };
}

Deno.test("a certificate of machine code counts the instructions of every piece", () => {
  const code = inMemory(squares(), new Assembler().emit("ret").finish());
  assert.deepEqual(certifyMachineCode([code, code]), {
    sha256: sha256(Uint8Array.of(...code.bytes, ...code.bytes)),
    bytes: 384,
    functions: 4,
    instructions: 8,
    opcodes: ["ret", "vmovdqu32", "vpmuldq"],
    forbidden: [],
  });
});

Deno.test("a certificate of machine code names floats and where they stand", () => {
  const product = new Assembler().emit("mov", rax, rax).emit("vmulps", zmm(1), zmm(2), zmm(3)).emit("ret").finish();
  const { forbidden } = certifyMachineCode([inMemory(squares(), squares()), inMemory(squares(), product)]);
  assert.deepEqual(forbidden, [{ function: "machine code", offset: 192 + 64 + 3, what: "vmulps" }]);
});

Deno.test("machine code that is not the assembler's, byte for byte, has no certificate", () => {
  for (const changed of [0, 3, 63, 64, 191]) {
    const code = inMemory(squares(), squares());
    code.bytes[changed] ^= 1;
    assert.throws(() => certifyMachineCode([code]), RangeError, `byte ${changed}`);
  }
  assert.throws(() => certifyMachineCode([inMemory(squares(), Uint8Array.of(0xc3))]), RangeError);
});

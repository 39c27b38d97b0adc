import assert from "node:assert/strict";
import { ModuleBuilder } from "../../../kernels/wasm/module.ts";
import { sha256 } from "../../../lib/format/hash.ts";
import { certifyModule } from "../../../lib/runtime/integer_certificate.ts";

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

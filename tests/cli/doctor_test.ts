import assert from "node:assert/strict";
import { expectSuccess } from "./dyad.ts";

const isNative = Deno.build.os === "linux" && Deno.build.arch === "x86_64";

Deno.test("doctor without --allow-ffi: what is there, and what to add, without a question or a failure", async () => {
  const { out, err } = await expectSuccess(["doctor"], { permissions: [] });
  assert.equal(out, "");
  assert.match(err, new RegExp(`^system +${Deno.build.os} on ${Deno.build.arch}, \\d+ cores?$`, "m"));
  assert.match(err, /^processor +not asked without --allow-ffi$/m);
  assert.match(err, /^WebAssembly +with SIMD/m);
  assert.match(err, /^--allow-ffi +not granted$/m);
  assert.match(err, /^native code +not tried; to try it, add --allow-ffi: deno run .*--allow-ffi/m);
  assert.match(err, /^wasm +used +generated WebAssembly/m);
  assert.match(err, /^native +missing +native code needs --allow-ffi$/m);
  assert.match(err, /^scalar +available .*--backend scalar$/m);
});

Deno.test("doctor with --allow-ffi asks the processor", async () => {
  const { out, err } = await expectSuccess(["doctor", "--json"], { permissions: ["--allow-ffi"] });
  assert.equal(err, "");
  const { machine, allowFfi, webAssembly, native, backends } = JSON.parse(out);
  assert.equal(machine.runtime, `deno ${Deno.version.deno}, V8 ${Deno.version.v8}`);
  assert.equal(allowFfi, true);
  assert.equal(webAssembly.simd, true);
  assert.equal(native.runs, isNative);
  assert.ok(isNative ? native.processor.brand === machine.processor && machine.processor !== "" : native.reason !== "");
  const [used] = backends.filter(({ isUsed }: { isUsed: boolean }) => isUsed);
  assert.equal(used.name, isNative && native.processor.features.includes("avx512_vnni") ? "native" : "wasm");
});

Deno.test("doctor says the same as text", { ignore: !isNative }, async () => {
  const { err } = await expectSuccess(["doctor"], { permissions: ["--allow-ffi"] });
  assert.match(err, /^--allow-ffi +granted$/m);
  assert.match(err, /^native code +runs, /m);
  assert.match(err, /^processor +(?!not asked)\S/m);
});

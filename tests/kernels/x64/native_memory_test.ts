import assert from "node:assert/strict";
import { Assembler } from "../../../kernels/x64/assembler.ts";
import { allocateNative, loadNative } from "../../../kernels/x64/native_memory.ts";
import { low32, memory, rax, rcx, rdi, rsi } from "../../../kernels/x64/operands.ts";

const ignore = Deno.build.os !== "linux" || Deno.build.arch !== "x86_64";

interface Mapping {
  readonly start: bigint;
  readonly end: bigint;
  readonly permissions: string;
}

/** The mappings of this process: proc_pid_maps(5). */
function mappings(): Mapping[] {
  return Array.from(
    Deno.readTextFileSync("/proc/self/maps").matchAll(/^([0-9a-f]+)-([0-9a-f]+) (\S{4})/gm),
    ([, start, end, permissions]) => ({ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), permissions }),
  );
}

const permissionsAt = (address: bigint): string | undefined =>
  mappings().find(({ start, end }) => address >= start && address < end)?.permissions;

/** (words, count) -> (): the sum of words[0..count) into words[0], counted down. */
function sumCode(): Uint8Array {
  const code = new Assembler();
  const [next, done] = [code.label(), code.label()];
  const sum = low32(rax);
  return code
    .emit("xor", sum, sum)
    .bind(next)
    .emit("test", rsi, rsi)
    .emit("je", done)
    .emit("add", sum, memory(rdi, -4, rsi, 4))
    .emit("sub", rsi, 1)
    .emit("jmp", next)
    .bind(done)
    .emit("mov", memory(rdi), sum)
    .emit("ret")
    .finish();
}

/** (result) -> (): its own address into result[0]. */
function ownAddressCode(): Uint8Array {
  const code = new Assembler();
  const here = code.label();
  return code
    .emit("call", here)
    .bind(here)
    .emit("pop", rcx)
    .emit("mov", memory(rdi), rcx)
    .emit("ret")
    .finish();
}

Deno.test({
  name: "code with loops and jumps forward and back runs on native memory",
  ignore,
  fn() {
    using data = allocateNative(40);
    const words = new Uint32Array(data.bytes.buffer, 0, 10);
    words.forEach((_, i) => words[i] = (i + 1) ** 2);
    using code = loadNative(sumCode());
    code.functionAt(0, 2)(data.address, 10n);
    assert.equal(words[0], 385);
    assert.equal(words[9], 100);
  },
});

Deno.test({
  name: "loaded code is executable and not writable; nothing is both; around it is nothing to touch",
  ignore,
  fn() {
    using result = allocateNative(8);
    using code = loadNative(ownAddressCode());
    code.functionAt(0, 1)(result.address);
    const address = new DataView(result.bytes.buffer).getBigUint64(0, true);
    assert.equal(permissionsAt(address), "r-xp");
    assert.equal(permissionsAt(address - 4096n), "---p");
    assert.equal(permissionsAt(address + 4096n), "---p");
    assert.equal(permissionsAt(result.address), "rw-p");
  },
});

Deno.test({
  name: "data ends before memory that nothing may touch, aligned, zero at first, gone when disposed of",
  ignore,
  fn() {
    for (const bytes of [1, 63, 64, 65, 4095, 4096, 4097, 100_000]) {
      const buffer = allocateNative(bytes);
      const { address } = buffer;
      assert.equal(buffer.bytes.length, bytes);
      assert.equal(address % 64n, 0n);
      assert.ok(buffer.bytes.every((byte) => byte === 0));
      buffer.bytes.fill(255);
      const behind = address + BigInt(Math.ceil(bytes / 64) * 64);
      assert.equal(permissionsAt(address), "rw-p");
      assert.equal(permissionsAt(behind - 1n), "rw-p");
      assert.equal(permissionsAt(behind), "---p");
      buffer[Symbol.dispose]();
      assert.equal(buffer.bytes.length, 0);
      buffer[Symbol.dispose]();
    }
  },
});

Deno.test({
  name: "sizes, offsets and numbers of addresses are checked; code that was given back is not called",
  ignore,
  fn() {
    for (const bytes of [0, -1, 1.5, NaN, 2 ** 33]) assert.throws(() => allocateNative(bytes), RangeError);
    assert.throws(() => loadNative(new Uint8Array()), RangeError);
    const code = loadNative(sumCode());
    for (const offset of [-1, 0.5, sumCode().length]) assert.throws(() => code.functionAt(offset, 0), RangeError);
    const sum = code.functionAt(0, 2);
    assert.throws(() => sum(0n), RangeError);
    code[Symbol.dispose]();
    code[Symbol.dispose]();
    assert.throws(() => sum(0n, 0n), /given back/);
  },
});

Deno.test({
  name: "a write beyond a buffer ends the program instead of changing something",
  ignore,
  async fn() {
    const module = new URL("../../../kernels/x64/native_memory.ts", import.meta.url).href;
    // mov [rdi], edi; ret
    const script = `
      import { allocateNative, loadNative } from ${JSON.stringify(module)};
      const store = loadNative(Uint8Array.of(0x89, 0x3f, 0xc3)).functionAt(0, 1);
      const { address } = allocateNative(64);
      store(address + 60n);
      console.log("inside");
      store(address + 64n);
      console.log("outside");`;
    const { stdout, signal } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--allow-ffi", `data:text/javascript,${encodeURIComponent(script)}`],
      stderr: "null",
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "inside\n");
    assert.equal(signal, "SIGSEGV");
  },
});

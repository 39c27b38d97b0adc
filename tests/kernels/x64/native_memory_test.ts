import assert from "node:assert/strict";
import { Assembler } from "../../../kernels/x64/assembler.ts";
import { allocateNative, loadNative } from "../../../kernels/x64/native_memory.ts";
import { low32, memory, rdi, rsi } from "../../../kernels/x64/operands.ts";

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

/** (words, count) -> (): i + 1 into words[i], from the last down; a count of 1 is left to itself. */
function countCode(): Uint8Array {
  const code = new Assembler();
  const [many, next] = [code.label(), code.label()];
  return code
    .emit("sub", rsi, 1)
    .emit("jne", many)
    .emit("ret")
    .bind(many)
    .emit("add", rsi, 1)
    .bind(next)
    .emit("mov", memory(rdi, -4, rsi, 4), low32(rsi))
    .emit("sub", rsi, 1)
    .emit("jne", next)
    .emit("ret")
    .finish();
}

Deno.test({
  name: "code with jumps forward and back runs on native memory",
  ignore,
  fn() {
    using data = allocateNative(40);
    const words = new Uint32Array(data.bytes.buffer, 0, 10);
    using code = loadNative(countCode());
    const count = code.functionAt(0, 2);
    count(data.address, 1n);
    assert.deepEqual([...words], Array(10).fill(0));
    count(data.address, 9n);
    assert.deepEqual([...words], [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
  },
});

Deno.test({
  name: "loaded code is executable and not writable; nothing is both; around it is nothing to touch",
  ignore,
  fn() {
    const isExecutable = ({ permissions }: Mapping) => permissions.includes("x");
    const before = new Set(mappings().filter(isExecutable).map(({ start }) => start));
    using _code = loadNative(countCode());
    const added = mappings().filter((mapping) => isExecutable(mapping) && !before.has(mapping.start));
    const own = added.filter(({ start, end }) =>
      permissionsAt(start - 1n) === "---p" && permissionsAt(end) === "---p" && end - start === 4096n
    );
    assert.equal(own.length, 1);
    assert.equal(own[0].permissions, "r-xp");
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
    const code = loadNative(countCode());
    for (const offset of [-1, 0.5, countCode().length]) assert.throws(() => code.functionAt(offset, 0), RangeError);
    const count = code.functionAt(0, 2);
    assert.throws(() => count(0n), RangeError);
    code[Symbol.dispose]();
    code[Symbol.dispose]();
    assert.throws(() => count(0n, 0n), /given back/);
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

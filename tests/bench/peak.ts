import type { NameOf } from "../../kernels/wasm/opcodes.ts";
import { ModuleBuilder } from "../../kernels/wasm/module.ts";
import { Assembler } from "../../kernels/x64/assembler.ts";
import { loadNative } from "../../kernels/x64/native_memory.ts";
import { k, low32, rax, zeroed, zmm } from "../../kernels/x64/operands.ts";
import { nativeStatus } from "../../lib/runtime/native_status.ts";
import { type Contestant, interleave, localContestant, type Sampling } from "./interleave.ts";

/** A way to multiply and add, in registers alone: what a kernel could reach if memory, loops and rounding were free. */
interface PeakLoop {
  /** `native int8`, `wasm float`, ... */
  readonly tier: string;
  readonly instructions: string;
  /** Multiply-accumulate operations of one run. */
  readonly macs: number;
  readonly contestant: Contestant;
}

/** The fastest way of each tier. */
export interface Peak {
  readonly tier: string;
  readonly instructions: string;
  readonly gmacs: number;
}

const ITERATIONS = 20_000;

/** Accumulators, so many that none waits for its own last sum. Registers of x86-64 are 32, those of WebAssembly's code 16. */
const NATIVE_ACCUMULATORS = 24;
const WASM_ACCUMULATORS = 13;
/** Registers that products are in until they are added. */
const FLOAT_PRODUCTS = 6;

/** A loop over `body`, which multiplies and adds once for each accumulator. */
function nativeLoop(
  tier: string,
  instructions: string,
  macs: number,
  body: (code: Assembler, sum: number) => void,
): PeakLoop {
  const code = new Assembler();
  const start = code.label();
  code.emit("mov", rax, 0).emit("kmovw", k(1), low32(rax)).emit("vmovdqu32", zeroed(zmm(31), k(1)), zmm(31));
  code.emit("mov", rax, ITERATIONS).bind(start);
  for (let sum = 0; sum < NATIVE_ACCUMULATORS; sum++) body(code, sum);
  code.emit("sub", rax, 1).emit("jne", start).emit("vzeroupper").emit("ret");
  const run = loadNative(code.finish()).functionAt(0, 0);
  return {
    tier,
    instructions,
    macs: ITERATIONS * NATIVE_ACCUMULATORS * macs,
    contestant: localContestant(instructions, run),
  };
}

/** 64 products of bytes into 16 sums of 32 bits; 16 float products, rounded, then added. */
function nativeLoops(): PeakLoop[] {
  return [
    nativeLoop("native int8", "vpdpbusd zmm", 64, (code, sum) => {
      code.emit("vpdpbusd", zmm(sum), zmm(30), zmm(31));
    }),
    nativeLoop("native float", "vmulps zmm, vaddps zmm", 16, (code, sum) => {
      const product = zmm(NATIVE_ACCUMULATORS + sum % FLOAT_PRODUCTS);
      code.emit("vmulps", product, zmm(30), zmm(31)).emit("vaddps", zmm(sum), zmm(sum), product);
    }),
  ];
}

/** sum = add(sum, multiply(sum, factor)), over and over. */
function wasmLoop(tier: string, multiply: NameOf<"none">, add: NameOf<"none">, macs: number): PeakLoop {
  const module = new ModuleBuilder();
  const index = module.addFunction("peak", { parameters: ["i32"] }, (f) => {
    const [address] = f.parameters;
    const factor = f.local("v128");
    const sums = f.locals("v128", WASM_ACCUMULATORS);
    f.get(address).memory("v128.load").set(factor);
    f.repeat(ITERATIONS, () => {
      for (const sum of sums) f.get(sum).get(sum).get(factor).op(multiply, add).set(sum);
    });
    for (const sum of sums) f.get(address).get(sum).memory("v128.store");
  });
  module.export("peak", index);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes()), { env: { memory } });
  const run = instance.exports.peak as (address: number) => void; // the signature above
  const instructions = `${multiply}, ${add}`;
  return {
    tier,
    instructions,
    macs: ITERATIONS * WASM_ACCUMULATORS * macs,
    contestant: localContestant(instructions, () => run(0)),
  };
}

/** What this machine reaches, by tier. */
export async function measurePeaks(sampling: Sampling): Promise<Map<string, Peak>> {
  const loops = [
    ...nativeStatus().isAvailable ? nativeLoops() : [],
    wasmLoop("wasm int8", "i32x4.dot_i16x8_s", "i32x4.add", 8),
    wasmLoop("wasm int8", "i16x8.relaxed_dot_i8x16_i7x16_s", "i16x8.add", 16),
    wasmLoop("wasm float", "f32x4.mul", "f32x4.add", 4),
  ];
  const times = await interleave(loops.map(({ contestant }) => contestant), sampling);
  const peaks = new Map<string, Peak>();
  for (const { tier, instructions, macs } of loops) {
    const gmacs = macs / times.get(instructions)!.low / 1e6; // a peak: what disturbed it does not count
    if (gmacs > (peaks.get(tier)?.gmacs ?? 0)) peaks.set(tier, { tier, instructions, gmacs });
  }
  return peaks;
}

/** The tier of a contestant: `native 8/8` is of `native int8`. */
export function tierOf(contestant: string): string {
  const [backend, form] = contestant.split(" ");
  return `${backend} ${form === "float" ? "float" : "int8"}`;
}

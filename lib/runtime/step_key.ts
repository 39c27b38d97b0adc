import { disassemble, type Instruction } from "../../kernels/wasm/disassemble.ts";
import { ModuleBuilder } from "../../kernels/wasm/module.ts";
import { selectNativeKernel } from "../../kernels/x64/mod.ts";
import type { KernelProblem } from "../arith/problem.ts";
import { sha256 } from "../format/hash.ts";
import type { Window } from "../tensor/window.ts";
import { wasmKernelOf } from "./backend.ts";
import type { IntegerEngine } from "./engine.ts";

/**
 * What the speed of each step depends on, by step; undefined where no integer moves. A sum that takes in a convolution is
 * that convolution's: the key is there, and the sum has none. Steps of equal keys run the same
 * code over tensors of the same sizes and differ in the values of constants only: weights, multipliers, zero points.
 *
 *     qu8_qs8c_conv_16x2__wasmsimd convolution 28x28x16 3x3 > 28x28x16 #5b1f0c9e
 *
 * The text is for people; the hash at its end is of the problem without its values and of the generated code without the
 * constants that are no sizes. So whatever in the values changes the code (a clamp that is needed, shifts that differ by
 * channel) changes the key, and bits that make no difference to the code make none.
 */
export function stepKeys(engine: IntegerEngine): (string | undefined)[] {
  const module = new ModuleBuilder();
  const codes = engine.schedule.map(({ problem }): Code => {
    if (problem === undefined || engine.backend === "scalar") return {};
    const native = engine.backend === "native" ? selectNativeKernel(problem) : undefined;
    // Native code has no values of the problem in it.
    if (native !== undefined) return { text: native.generate(problem).join() };
    return { wasmFunction: wasmKernelOf(engine.backend, problem)?.emit(problem, module) };
  });
  const skeletons: string[] = [];
  const functions = module.functionCount === 0 ? [] : disassemble(module.toBytes()).functions;
  for (const found of functions) skeletons.push(skeletonOf(found, skeletons)); // callees come before their callers
  const keys = engine.network.steps.map((): string | undefined => undefined);
  engine.schedule.forEach(({ step, convolution, problem }, i) => {
    if (problem === undefined) return;
    const { text = "", wasmFunction } = codes[i];
    const code = wasmFunction === undefined ? text : skeletons[wasmFunction];
    const hash = sha256(`${structureOf(problem)}\n${code}`).slice(0, HASH_DIGITS);
    keys[convolution ?? step] = `${engine.kernels[step]} ${extentsOf(problem)} #${hash}`;
  });
  return keys;
}

/** The code of a step: text, or the number of a function of a module. */
interface Code {
  readonly text?: string;
  readonly wasmFunction?: number;
}

const HASH_DIGITS = 12;

/**
 * A function without the constants that carry values of the problem. Loop counts, offsets and sizes remain; calls are the
 * code of what they call.
 */
function skeletonOf(
  { instructions }: { readonly instructions: readonly Instruction[] },
  callees: readonly string[],
): string {
  return instructions.map(({ name, immediates }, i) => {
    if (name === "call") return callees[Number(immediates[0])];
    const isValue = name === "v128.const" || name === "i64.const" ||
      (name === "i32.const" && VALUE_READERS.has(instructions[i + 1]?.name));
    return isValue ? name : [name, ...immediates].join(" ");
  }).join("\n");
}

/** Instructions whose i32 operand is a shift of a rescaling, or a zero point. */
const VALUE_READERS: ReadonlySet<string | undefined> = new Set([
  "i64x2.shr_u",
  "i64x2.shr_s",
  "i32x4.shr_s",
  "i32x4.splat",
]);

/** Fields of problems whose values do not change how much there is to compute. */
const VALUES: ReadonlySet<string> = new Set([
  "zeroPoint",
  "inputZeroPoint",
  "inputHigh",
  "low",
  "high",
  "multiplier",
  "shift",
  "fill",
  "cellBits",
  "stateBits",
  "argumentBits",
  "activationBits",
  "codes", // what reads them has them in its name and code
]);

/** The problem as JSON, without its values: of arrays only their length. */
function structureOf(problem: KernelProblem): string {
  return JSON.stringify(problem, (key, value: unknown) => {
    if (VALUES.has(key)) return undefined;
    if (ArrayBuffer.isView(value)) return `${(value as unknown as ArrayLike<number>).length} elements`; // no DataView here
    return value instanceof Map ? `${value.size} entries` : value;
  });
}

/** What a person would call the step by. */
function extentsOf(problem: KernelProblem): string {
  switch (problem.kind) {
    case "convolution": {
      const { window, inputChannels, outputChannels, groups, output } = problem;
      const grouped = groups === 1 ? "" : ` in ${groups} groups`;
      return `convolution ${windowText(window, inputChannels, outputChannels)}${grouped} ${output?.dtype ?? "i32"}`;
    }
    case "convolution_sum":
      return `${extentsOf({ ...problem, kind: "convolution", output: undefined })} + ${extentsOf(problem.sum)}`;
    case "max_pool":
    case "average_pool":
      return `${problem.kind} ${windowText(problem.window, problem.channels, problem.channels)}`;
    case "sum": {
      const { pixels, channels, terms, output } = problem;
      return `sum ${pixels}x${channels} ${terms.map(({ dtype }) => dtype).join("+")} > ${output.dtype}`;
    }
    case "concat": {
      const { outer, parts, output } = problem;
      return `concat ${outer}x(${parts.map(({ inner, dtype }) => `${inner} ${dtype}`).join(", ")}) > ${output.dtype}`;
    }
    case "dynamic_product":
      return `dynamic_product ${problem.positions}x${problem.inputs} > ${problem.outputs}`;
    case "online_codes":
      return `online_codes ${problem.vectors}x${problem.length} ${problem.bits} bits`;
    case "gather":
      return `gather ${problem.count} of ${problem.rows}x${problem.width}`;
    case "table":
      return `table ${problem.size}`;
    case "lstm":
    case "gru":
    case "rnn": {
      const { kind, steps, batch, hidden, isReverse, carriesState } = problem;
      return `${kind} ${steps}x${batch} ${hidden}${isReverse ? " reversed" : ""}${carriesState ? " with states" : ""}`;
    }
    case "copy":
      return `copy ${problem.shape.join("x")} ${problem.dtype}`;
  }
}

function windowText(window: Window, inputChannels: number, outputChannels: number): string {
  const { inputHeight, inputWidth, kernelHeight, kernelWidth, outputHeight, outputWidth } = window;
  return `${inputHeight}x${inputWidth}x${inputChannels} ${kernelHeight}x${kernelWidth} > ` +
    `${outputHeight}x${outputWidth}x${outputChannels}`;
}

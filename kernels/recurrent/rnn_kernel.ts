import type { RnnProblem } from "../../lib/arith/problem.ts";
import { emitCopyBytes } from "../copy/emit_copy_bytes.ts";
import type { WasmKernel } from "../kernel.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { emitFirst } from "./emit_first.ts";
import { emitHidden } from "./emit_hidden.ts";
import { type EmitHiddenCodes, hiddenCodesOf, withCodingScratch } from "./hidden_codes.ts";
import { emitGateInput, emitInterpolated } from "./gate_arithmetic.ts";
import {
  BLOCKS,
  CELL_TABLE,
  COLUMNS,
  INPUT_MULTIPLIERS,
  packRecurrence,
  RECURRENT_MULTIPLIERS,
  tailOf,
  UNITS,
} from "./recurrent_layout.ts";
import { centredBytes, emitCentred, emitRecurrentSums } from "./recurrent_sums.ts";

/** Pointers, which move on as units and images are done. */
interface Pointers {
  readonly constants: Local;
  readonly centred: Local;
  readonly accumulators: Local;
  readonly output: Local;
  readonly block: Local;
}

/** Computes `lanes` (at most 4) units of one image and step. */
function emitUnits(f: FunctionBuilder, problem: RnnProblem, pointers: Pointers, lanes: number): void {
  const { constants, centred, accumulators, output, block } = pointers;
  const [sums, input, inputMultipliers, recurrentMultipliers] = f.locals("v128", 4);
  f.get(block).memory("v128.load", INPUT_MULTIPLIERS).set(inputMultipliers);
  f.get(block).memory("v128.load", RECURRENT_MULTIPLIERS).set(recurrentMultipliers);
  emitRecurrentSums(f, problem, centred, block, sums);
  f.get(accumulators).memory("v128.load").set(input);
  emitGateInput(f, [[input, inputMultipliers], [sums, recurrentMultipliers]], problem.shift);
  f.set(input);
  emitInterpolated(f, constants, CELL_TABLE, input, sums);
  emitHidden(f, problem, sums, lanes, output);
  f.advance(accumulators, 4 * lanes).advance(output, lanes);
}

function emitBody(f: FunctionBuilder, problem: RnnProblem, emitHiddenCodes: EmitHiddenCodes): void {
  const { steps, batch, hidden, isReverse, carriesState, output: { zeroPoint } } = problem;
  const [constants, scratch, output, accumulators, hiddenState] = f.parameters;
  const [h, block, firstHidden, stepOutput] = f.locals("i32", 4);
  const pointers: Pointers = { constants, centred: scratch, accumulators, output, block };
  const size = batch * hidden;
  if (carriesState) f.get(hiddenState).set(firstHidden);
  else {
    f.get(scratch).i32(centredBytes(problem)).op("i32.add").tee(firstHidden).set(h);
    const zeros = { pattern: new Uint8Array(16).fill(zeroPoint) };
    emitFirst(f, constants, problem.firstHidden ? { position: tailOf(problem).hidden } : zeros, h, size);
  }
  if (isReverse) f.advance(accumulators, 4 * size * (steps - 1)).advance(output, size * (steps - 1));
  f.get(firstHidden).set(h);
  f.repeat(steps, () => {
    f.get(output).set(stepOutput);
    f.repeat(batch, () => {
      emitCentred(f, problem, h, scratch);
      f.get(constants).i32(BLOCKS).op("i32.add").set(block);
      f.repeat(Math.floor(hidden / UNITS), () => emitUnits(f, problem, pointers, UNITS));
      if (hidden % UNITS > 0) emitUnits(f, problem, pointers, hidden % UNITS);
      emitHiddenCodes(f, output);
    });
    f.get(stepOutput).set(h);
    if (isReverse) f.advance(accumulators, -2 * 4 * size).advance(output, -2 * size);
  });
  if (carriesState) emitCopyBytes(f, h, hiddenState, size);
}

/** h - Z of one image as int16 up to a whole tile, then h where no tensor holds it. */
function scratchBytes(problem: RnnProblem): number {
  return centredBytes(problem) + (problem.carriesState ? 0 : problem.batch * problem.hidden);
}

const NAME = `qu8_qs8c_rnn_${UNITS}x${COLUMNS}__wasmsimd`;

/** RNNs, all steps in one call. */
export const RNN_KERNELS: readonly WasmKernel<RnnProblem>[] = [{
  name: NAME,
  kind: "rnn",
  supports: () => true,
  pack: packRecurrence,
  scratchBytes: (problem) => withCodingScratch(problem, scratchBytes(problem)),
  emit: (problem, module) => {
    const parameters = new Array<"i32">(problem.carriesState ? 5 : 4).fill("i32");
    const codes = hiddenCodesOf(problem, module, scratchBytes(problem));
    return module.addFunction(NAME, { parameters }, (f) => emitBody(f, problem, codes));
  },
}];

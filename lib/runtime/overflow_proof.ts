import {
  ACCUMULATOR_MAX,
  accumulatorBounds,
  gatesFitInt64,
  maxMagnitude,
  overflowingChannel,
  poolSumBound,
  recurrentBounds,
  sumFitsInt64,
} from "../arith/bounds.ts";
import { MULTIPLIER_END, SHIFT_MAX } from "../arith/dyadic.ts";
import { isRecurrence } from "../arith/problem.ts";
import { dynamicProductBounds, dynamicProductFault } from "../arith/dynamic_product.ts";
import { inputError } from "../format/error.ts";
import type { IntegerNetwork, NetworkStep } from "../format/network.ts";

/** What is proven of one step: no accumulator can leave its width, whatever the input. */
export interface StepProof {
  readonly step: string;
  readonly channels: number;
  /** Largest bound over the channels, and the channel that has it. */
  readonly bound: number;
  readonly channel: number;
  /** Bits of int32 that stay unused at the bound. */
  readonly headroomBits: number;
}

/**
 * Proves for every output channel of every step that no integer of the network overflows (DESIGN section 4).
 * @throws DyadError (input) naming the step and channel that could overflow or whose dyadic numbers are not legal.
 */
export function proveNoOverflow(network: IntegerNetwork, where: string): StepProof[] {
  const bounds = new Map<string, Float64Array>(); // of the tensors that are accumulators
  return network.steps.flatMap((step): StepProof[] => {
    const { problem } = step;
    const fail = (message: string): never => {
      throw inputError(`${where}: step ${step.name}: ${message}`);
    };
    if (problem === undefined) { // the same accumulators in the same order
      const same = bounds.get(step.inputs[0]);
      if (same) bounds.set(step.output, same);
    }
    if (problem?.kind === "convolution") {
      const proven = accumulatorBounds(problem);
      const found = overflowingChannel(proven);
      if (found) fail(`output channel ${found.channel}: the accumulator can reach ${found.bound}, beyond int32`);
      if (problem.output === undefined) bounds.set(step.output, proven);
      if (problem.output) checkDyadics(problem.output.multipliers, problem.output.shifts, fail);
      return [summarise(step, proven)];
    }
    if (problem?.kind === "sum") {
      if (!sumFitsInt64(problem, step.inputs.map((name) => bounds.get(name)))) fail("the sum can leave 64 bits");
      checkDyadics(problem.terms.flatMap((term) => [...term.multipliers]), [problem.shift], fail);
    }
    if (problem?.kind === "dynamic_product") {
      const proven = dynamicProductBounds(problem);
      const found = overflowingChannel(proven);
      if (found) fail(`output channel ${found.channel}: the accumulator can reach ${found.bound}, beyond int32`);
      checkDyadics(problem.output.multipliers, problem.output.shifts, fail);
      const fault = dynamicProductFault(problem, proven);
      if (fault) fail(`output channel ${fault.channel}: ${fault.message}`);
      const { low, high, zeroPoint } = problem.output;
      bounds.set(step.output, new Float64Array(problem.outputs).fill(maxMagnitude(low, high, zeroPoint)));
      return [summarise(step, proven)];
    }
    if (isRecurrence(problem)) {
      const proven = recurrentBounds(problem);
      const found = overflowingChannel(proven);
      if (found) fail(`row ${found.channel} of its weights: the sum can reach ${found.bound}, beyond int32`);
      const { inputMultipliers, recurrentMultipliers, shift, bias, output } = problem;
      checkDyadics([...inputMultipliers, ...recurrentMultipliers, output.multiplier], [shift, output.shift], fail);
      const input = bounds.get(step.inputs[0]);
      if (!gatesFitInt64(problem, input?.length === bias.length ? input : undefined, proven)) {
        fail("the sum of a gate's input can leave 64 bits");
      }
      return [summarise(step, proven)];
    }
    if (problem?.kind === "average_pool") {
      const bound = poolSumBound(problem);
      if (bound > ACCUMULATOR_MAX) fail(`the sum under the window can reach ${bound}, beyond int32`);
    }
    return [];
  });
}

function checkDyadics(
  multipliers: ArrayLike<number>,
  shifts: ArrayLike<number>,
  fail: (message: string) => never,
): void {
  const multiplier = Array.from(multipliers).find((b) => b < 0 || b >= MULTIPLIER_END);
  if (multiplier !== undefined) fail(`the multiplier ${multiplier} is outside 0 .. 2^31 - 1`);
  const shift = Array.from(shifts).find((c) => c < 0 || c > SHIFT_MAX);
  if (shift !== undefined) fail(`the shift ${shift} is outside 0 .. ${SHIFT_MAX}`);
}

function summarise(step: NetworkStep, bounds: Float64Array): StepProof {
  const bound = bounds.reduce((a, b) => Math.max(a, b), 0);
  return {
    step: step.name,
    channels: bounds.length,
    bound,
    channel: bounds.indexOf(bound),
    headroomBits: Math.log2((ACCUMULATOR_MAX + 1) / Math.max(bound, 1)),
  };
}

import { accumulatorBounds } from "../arith/bounds.ts";
import type { ConvolutionProblem, ConvolutionSumProblem, KernelProblem, SumProblem } from "../arith/problem.ts";
import type { IntegerNetwork, NetworkStep } from "../format/network.ts";

/** One piece of work of a network that runs: a step, or a sum together with a convolution that only it reads. */
export interface ScheduledStep {
  /** Number of the step whose output this makes. */
  readonly step: number;
  /** Number of the convolution whose accumulators go into that sum without being stored. */
  readonly convolution?: number;
  /** Undefined where no integer moves. */
  readonly problem?: KernelProblem;
  readonly inputs: readonly string[];
  readonly output: string;
}

/** Whether a backend computes a convolution and its sum at once, as fast as it computes the convolution. */
export type Fuses = (together: ConvolutionSumProblem, convolution: ConvolutionProblem) => boolean;

/**
 * The work of a network in the order in which it runs. A sum takes in the latest of the convolutions whose accumulators
 * nothing but it reads, if `fuses` says so: that convolution then runs in the sum's place.
 */
export function schedule(network: IntegerNetwork, fuses: Fuses): ScheduledStep[] {
  const { steps } = network;
  const producers = new Map(steps.map(({ output }, i) => [output, i]));
  const readings = new Map([[network.output.tensor, 1]]);
  for (const name of steps.flatMap(({ inputs }) => inputs)) readings.set(name, (readings.get(name) ?? 0) + 1);
  /** The convolution that gives a term and nothing else. */
  const convolutionOf = (name: string): Convolution | undefined => {
    const step = producers.get(name);
    const problem = step === undefined ? undefined : steps[step].problem;
    if (step === undefined || problem?.kind !== "convolution" || problem.output !== undefined) return undefined;
    return { step, problem, image: steps[step].inputs[0], isRead: readings.get(name) === 1 };
  };
  const scheduled = steps.map((step, i): ScheduledStep => {
    const { problem, inputs, output } = step;
    return problem?.kind === "sum" && fuse(i, step, problem, inputs.map(convolutionOf), fuses) ||
      { step: i, problem, inputs, output };
  });
  const takenIn = new Set(scheduled.map(({ convolution }) => convolution));
  return scheduled.filter(({ step }) => !takenIn.has(step));
}

interface Convolution {
  readonly step: number;
  readonly problem: ConvolutionProblem;
  readonly image: string;
  /** Only once, by the sum. */
  readonly isRead: boolean;
}

/** The sum with the latest of the convolutions that give its terms (undefined for terms that have none). */
function fuse(
  step: number,
  { inputs, output }: NetworkStep,
  sum: SumProblem,
  convolutions: readonly (Convolution | undefined)[],
  fuses: Fuses,
): ScheduledStep | undefined {
  const latest = convolutions
    .filter((convolution) => convolution?.isRead)
    .reduce((a, b) => a === undefined || b!.step > a.step ? b : a, undefined);
  if (latest === undefined) return undefined;
  const term = convolutions.indexOf(latest);
  const bounds = convolutions.map((convolution, i) =>
    convolution && accumulatorBounds(convolution.problem).map((bound) => bound + Math.abs(sum.terms[i].zeroPoint))
  );
  const problem: ConvolutionSumProblem = { ...latest.problem, kind: "convolution_sum", sum, term, bounds };
  if (!fuses(problem, latest.problem)) return undefined;
  return {
    step,
    convolution: latest.step,
    problem,
    inputs: [latest.image, ...inputs.filter((_, i) => i !== term)],
    output,
  };
}

import type { EvidenceOf } from "../../format/verification.ts";
import { type Claim, type Finding, notShown } from "../claim.ts";
import type { MeasuredContext } from "../context.ts";
import type { Choices } from "../measurement.ts";

type Evidence = EvidenceOf<"accuracy">;

function check(context: MeasuredContext): Finding<"accuracy"> {
  const { measurement } = context;
  if ("refused" in measurement) return notShown(measurement);
  if ("refused" in measurement.accuracy) return notShown(measurement.accuracy);
  const { choices, noise } = measurement.accuracy;
  const { network } = context.subject;
  const { maxDrop, minAgreement } = context.options;
  const agreement = percentOf(choices.agreeing, choices.choices);
  const top1 = top1Of(choices);
  const { perplexity } = choices;
  const whatIsChosen = perplexity ? "tokens" : network.input.kind === "pixels" ? "images" : "samples";
  const failures: string[] = [];
  if (maxDrop !== undefined && top1 !== undefined && top1.drop > maxDrop) {
    failures.push(
      `top-1 falls by ${top1.drop.toFixed(2)} points, from ${top1.float.percent.toFixed(2)} to ` +
        `${top1.integer.percent.toFixed(2)} %; at most ${maxDrop} were allowed`,
    );
  }
  if (minAgreement !== undefined && agreement < minAgreement) {
    failures.push(
      `both networks agree on ${agreement.toFixed(2)} % of the ${whatIsChosen}; at least ${minAgreement} were required`,
    );
  }
  const layers: Evidence["layers"] = [];
  const notCompared: Evidence["notCompared"] = [];
  network.steps.forEach(({ name: step, layer, output }, i) => {
    const found = noise[i];
    if (typeof found === "string") notCompared.push({ step, reason: found });
    else layers.push({ step, layer, tensor: output, bits: network.tensors.get(output)!.bits, ...found });
  });
  const accuracies = perplexity
    ? `perplexity ${perplexity.float.toFixed(3)} float, ${perplexity.integer.toFixed(3)} integer; `
    : top1
    ? `top-1 ${top1.float.percent.toFixed(2)} % float, ${top1.integer.percent.toFixed(2)} % integer; `
    : "";
  return {
    verdict: "measured",
    summary: `${accuracies}both choose the same class for ${
      agreement.toFixed(2)
    } % of ${choices.choices} ${whatIsChosen}`,
    failures,
    evidence: {
      images: choices.images,
      agreement: { images: choices.agreeing, percent: agreement },
      ...top1,
      ...(perplexity && { perplexity }),
      layers,
      notCompared,
    },
  };
}

function top1Of({ images, correct }: Choices): Required<Pick<Evidence, "float" | "integer" | "drop">> | undefined {
  if (correct === undefined) return undefined;
  return {
    float: { correct: correct.float, percent: percentOf(correct.float, images) },
    integer: { correct: correct.integer, percent: percentOf(correct.integer, images) },
    drop: percentOf(correct.float - correct.integer, images),
  };
}

/** One rounding, so that 1 of 200 is exactly the 0.5 that a limit says. */
function percentOf(part: number, whole: number): number {
  return 100 * part / whole;
}

export const accuracy: Claim<"accuracy"> = {
  name: "accuracy",
  statement: "Against the float network: signal to quantization noise of every layer, top-1 of both, and agreement",
  check,
};

import { type Claim, type Finding, notShown } from "../claim.ts";
import type { MeasuredContext } from "../context.ts";
import { countedSamples, sampleNoun } from "../sample_noun.ts";

function check(context: MeasuredContext): Finding<"bit-exact"> {
  if (context.backend === "scalar") {
    return { verdict: "skipped", summary: "the scalar reference has nothing to be compared with", failures: [] };
  }
  const { engines } = context;
  if ("refused" in engines) return notShown(engines);
  const { measurement } = context;
  if ("refused" in measurement) return notShown(measurement);
  const { network } = context.subject;
  const { images, inputSha256, steps, first, whole } = measurement.exactness;
  const compared = steps.reduce((sum, { elements }) => sum + elements * images, 0);
  const differing = steps.reduce((sum, step) => sum + step.differing, 0);
  const outputs = whole.elements * images;
  const fused = engines.tested.schedule.filter(({ convolution }) => convolution !== undefined).length;
  const failures = [
    ...first === undefined ? [] : [
      `step ${first.step}: ${first.tensor} at ${first.position} of ${
        sampleNoun(network)
      } ${first.image} is ${first.found}, the scalar ` +
      `reference gives ${first.reference}; ${differing} of ${compared} integers differ`,
    ],
    ...whole.differing === 0 ? [] : [
      `the network run as one, with ${fused} convolutions fused into sums: ${whole.differing} of its ${outputs} output ` +
      `integers differ from the scalar reference`,
    ],
  ];
  return {
    verdict: "measured",
    summary: `${differing} of ${compared} integers of ${steps.length} steps differ from the scalar reference on ` +
      `${
        countedSamples(network, images)
      }, and ${whole.differing} of ${outputs} outputs where ${fused} convolutions are fused into sums`,
    failures,
    evidence: {
      images,
      compared,
      differing,
      first,
      input: { tensor: network.input.tensor, sha256: inputSha256 },
      whole: { fused, compared: outputs, differing: whole.differing },
      steps: network.steps.map(({ name, output }, i) => ({
        step: name,
        tensor: output,
        dtype: network.tensors.get(output)!.dtype,
        kernel: engines.stepwise.kernels[i],
        ...steps[i],
      })),
    },
  };
}

export const bitExact: Claim<"bit-exact"> = {
  name: "bit-exact",
  statement: "Every integer that the fast tier computes at any step equals the scalar reference",
  check,
};

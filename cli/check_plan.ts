import { inputError } from "../lib/format/error.ts";
import { BITS_MAX, BITS_MIN, isIntegerWidth } from "../lib/format/integer_width.ts";
import { candidateName, type Plan } from "../lib/format/plan.ts";
import { layersOf } from "../lib/ops/layers.ts";
import { suggestion } from "../lib/plan/names.ts";
import type { Loaded } from "./artefacts.ts";
import type { LoadedModel } from "./model.ts";

/** @throws DyadError (input) naming both files when the plan is not one for exactly the model's layers. */
export function checkPlan({ name: file, content }: Loaded<Plan>, model: LoadedModel): void {
  const known = layersOf(model.graph).map(({ name }) => name);
  const planned = new Set(content.layers.map(({ name }) => name));
  const unknown = content.layers.filter(({ name }) => !known.includes(name));
  if (unknown.length > 0) {
    const [{ name }] = unknown;
    const more = unknown.length > 1 ? ` and ${unknown.length - 1} more` : "";
    throw inputError(
      `${file}: names the layer "${name}"${more}, which ${model.name} does not have${suggestion(name, known)}`,
    );
  }
  const missing = known.filter((name) => !planned.has(name));
  if (missing.length > 0) {
    const more = missing.length > 1 ? ` and ${missing.length - 1} more` : "";
    throw inputError(`${file}: gives no bits to the layer "${missing[0]}"${more} of ${model.name}; add it to the plan`);
  }
  for (const { name, weightBits, activationBits } of content.layers) {
    const bits = { weightBits, activationBits };
    if (isIntegerWidth(bits)) continue;
    throw inputError(
      `${file}: gives the layer "${name}" ${candidateName(bits)} bits, expected ${BITS_MIN} to ${BITS_MAX} of each`,
    );
  }
}

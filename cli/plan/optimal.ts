import { usageError } from "../../lib/format/error.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { STREAM, writeFile } from "../files.ts";
import { PROBLEM_KEYS } from "./flags.ts";
import { naming, type PlanMode, writePlan } from "./mode.ts";

/** The plan of least score, proven. */
export const optimal: PlanMode = {
  purpose: "is one optimal plan",
  takes: [...PROBLEM_KEYS, "metric", "lp"],
  check({ lp, output = STREAM }) {
    if (lp === STREAM && output === STREAM) {
      throw usageError("the plan and the LP text would both go to standard output; give -o FILE");
    }
  },
  async run(request) {
    const { flags, sensitivity, latency, options } = request;
    const { plan, lpText } = await naming(request, makePlan(sensitivity.content, latency?.content, options));
    if (flags.lp !== undefined) await writeFile(flags.lp, lpText);
    return await writePlan(request, plan);
  },
};

import { greedyPlan } from "../../lib/plan/greedy.ts";
import { PROBLEM_KEYS } from "./flags.ts";
import { naming, type PlanMode, writePlan } from "./mode.ts";

/** `--greedy`: what a simple rule makes of the same limits. */
export const greedy: PlanMode = {
  flag: "greedy",
  purpose: "takes the cheapest steps to one plan",
  takes: [...PROBLEM_KEYS, "metric"],
  async run(request) {
    const { sensitivity, latency, options } = request;
    return await writePlan(request, await naming(request, greedyPlan(sensitivity.content, latency?.content, options)));
  },
};

import { randomPlans } from "../../lib/plan/random.ts";
import { PROBLEM_KEYS } from "./flags.ts";
import { naming, type PlanMode, writePlan } from "./mode.ts";

/** `--random`: what chance makes of the same limits. */
export const random: PlanMode = {
  flag: "random",
  purpose: "draws one plan within the limits",
  takes: [...PROBLEM_KEYS, "metric"],
  async run(request) {
    const { flags, sensitivity, latency, options } = request;
    const drawn = { ...options, seed: flags.random!, count: 1 };
    const [plan] = await naming(request, randomPlans(sensitivity.content, latency?.content, drawn));
    return await writePlan(request, plan);
  },
};

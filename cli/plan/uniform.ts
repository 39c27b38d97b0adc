import { uniformPlan } from "../../lib/plan/uniform.ts";
import { type PlanMode, writePlan } from "./mode.ts";

/** `--uniform`: the same bits everywhere but at the ends. */
export const uniform: PlanMode = {
  flag: "uniform",
  purpose: "gives every layer the same bits",
  takes: ["ends"],
  async run(request) {
    const { uniform, ends } = request.flags;
    return await writePlan(request, uniformPlan(request.sensitivity.content.layers, uniform!, { ends }));
  },
};

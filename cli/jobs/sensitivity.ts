import type { SensitivityRecord } from "../../lib/sensitivity/record.ts";
import { prepareStudy, type SensitivityRequest } from "../../lib/sensitivity/study.ts";
import { unitComputer, type UnitTask } from "../../lib/sensitivity/unit.ts";
import type { Job } from "./job.ts";

/** Units of work of one sensitivity table. */
export const sensitivityJob: Job<SensitivityRequest, UnitTask, SensitivityRecord> = {
  name: "sensitivity",
  open: (request) => unitComputer(prepareStudy(request)),
};

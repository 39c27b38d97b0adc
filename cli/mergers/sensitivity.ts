import { encodeArtefact } from "../../lib/format/artefact.ts";
import { within } from "../../lib/format/error.ts";
import { SensitivityCodec } from "../../lib/format/sensitivity.ts";
import { mergeSensitivity } from "../../lib/sensitivity/merge.ts";
import { sensitivityReport } from "../sensitivity_report.ts";
import { type Merger, nameOfAll, recordsOfAll } from "./merger.ts";

/** Scores are means over samples; the parts hold the sums. */
export const sensitivityMerger: Merger = {
  of: "dyad/sensitivity",
  async merge({ parts, target }) {
    const { frame, inputs, options } = parts[0].content;
    const content = within(nameOfAll(parts), () => mergeSensitivity(frame, recordsOfAll(parts)));
    await target.write(encodeArtefact(SensitivityCodec, { ...content, inputs, options }));
    return sensitivityReport(content, target.name);
  },
};

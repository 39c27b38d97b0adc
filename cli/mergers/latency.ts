import { encodeArtefact } from "../../lib/format/artefact.ts";
import { within } from "../../lib/format/error.ts";
import { LatencyCodec } from "../../lib/format/latency.ts";
import { mergeLatency } from "../../lib/profile/merge_latency.ts";
import { latencyReport } from "../latency_report.ts";
import { type Merger, nameOfAll, recordsOfAll } from "./merger.ts";

/** Every part has times of its own; the frame says what they add up to. */
export const latencyMerger: Merger = {
  of: "dyad/latency",
  async merge({ parts, target }) {
    const { frame, inputs, options } = parts[0].content;
    const content = within(nameOfAll(parts), () => mergeLatency(frame, recordsOfAll(parts)));
    await target.write(encodeArtefact(LatencyCodec, { ...content, inputs, options }));
    return latencyReport(content, { output: target.name });
  },
};

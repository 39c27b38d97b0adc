import { usageError } from "../../lib/format/error.ts";
import { PartCodec } from "../../lib/format/part.ts";
import { wholeSet } from "../../lib/format/part_set.ts";
import { loadArtefact } from "../artefacts.ts";
import { defineCommand } from "../command.ts";
import { artefactTarget } from "../files.ts";
import { FILE, manyPositionals, optionalFlag } from "../flag.ts";
import { OUTPUT_PAIR_FLAGS } from "../flags.ts";
import { MERGERS } from "../mergers/mod.ts";

export const merge = defineCommand({
  name: "merge",
  summary: "Make one artefact of the parts that --shard has written",
  details: "The parts may come in any order. They must be all parts of one run, from the same files with the same " +
    "options; the artefact is the same, byte for byte, as that of the command without --shard.\n\n" +
    "Parts of a calibration need --model and --data too: its methods are compared once all samples have been run. How " +
    "the data become the input, --limit and --seed are in the parts.",
  positionals: { parts: manyPositionals("parts of one artefact", FILE) },
  flags: {
    model: optionalFlag("--model <file>", "for parts of a calibration: the ONNX model", FILE),
    data: optionalFlag("--data <file>", "for parts of a calibration: the data", FILE),
    ...OUTPUT_PAIR_FLAGS,
  },
  examples: [
    "dyad merge model.sensitivity.*of4.json -o model.sensitivity.json",
    "dyad merge model.calibration.*of4.json --model model.onnx --data images.npy -o model.calibration.json",
  ],
  async run({ args, flags, terminal }) {
    const parts = wholeSet(args.parts.map((path) => ({ path, ...loadArtefact(PartCodec, path) })));
    const { of } = parts[0].content;
    const merger = MERGERS.find((known) => known.of === of)!;
    const { runsModel = false } = merger;
    const stray = runsModel
      ? undefined
      : (["model", "data", "tensors"] as const).find((flag) => flags[flag] !== undefined);
    if (stray !== undefined) throw usageError(`--${stray} is for parts of a calibration, found parts of a ${of}`);
    const target = artefactTarget(flags, terminal, { hasCompanion: runsModel });
    return await merger.merge({ parts, model: flags.model, data: flags.data, target, terminal });
  },
});

import { LatencyCodec } from "../../lib/format/latency.ts";
import { SensitivityCodec } from "../../lib/format/sensitivity.ts";
import { inputsOf, loadArtefact } from "../artefacts.ts";
import { defineCommand } from "../command.ts";
import { artefactTarget } from "../files.ts";
import { FILE, positional } from "../flag.ts";
import { PLAN_FLAGS, problemOptions, recordedOptions } from "../plan/flags.ts";
import { chooseMode } from "../plan/modes.ts";

export const plan = defineCommand({
  name: "plan",
  summary: "Choose the bits of every layer: the least sum of scores within the limits, proven optimal",
  details:
    "A limit is an amount, a percentage of the all-8-bit network, or between:F, a fraction F of the way from the " +
    "all-4-bit to the all-8-bit network. When no plan fits, the exit status is 4 and the message says what would.\n\n" +
    "With --model, --calibration and --data plans are also quantized as the sensitivity table was measured, and their " +
    "integer networks run: --refine and --check-additivity need that, --compare and --pareto then tell the measured loss.",
  positionals: { sensitivity: positional("sensitivity table", FILE) },
  flags: PLAN_FLAGS,
  examples: [
    "dyad plan model.sensitivity.json --max-size 50% -o model.plan.json",
    "dyad plan model.sensitivity.json --max-weight-bits 3 --max-bops between:0.5 --lp model.lp -o model.plan.json",
    "dyad plan model.sensitivity.json --max-size 50% --refine 10 --model model.onnx --calibration " +
    "model.calibration.json --data images.npy -o model.plan.json",
    "dyad plan model.sensitivity.json --pareto size:10 --compare kl,mse --plot frontier.svg -o model.frontier.json",
    "dyad plan model.sensitivity.json --check-additivity 20 --model model.onnx --calibration model.calibration.json " +
    "--data images.npy -o model.additivity.json",
  ],
  async run({ args, flags, terminal }) {
    const mode = chooseMode(flags);
    const target = artefactTarget({ output: flags.output }, terminal);
    const sensitivity = loadArtefact(SensitivityCodec, args.sensitivity);
    const latency = flags.latency === undefined ? undefined : loadArtefact(LatencyCodec, flags.latency);
    return await mode.run({
      flags,
      terminal,
      target,
      sensitivity,
      latency,
      options: { ...problemOptions(flags), names: { sensitivity: sensitivity.name, latency: latency?.name } },
      header: {
        inputs: {
          ...inputsOf({ model: sensitivity.content.inputs.model?.sha256 }),
          ...inputsOf({ sensitivity: sensitivity.sha256, latency: latency?.sha256 }),
        },
        options: recordedOptions(flags),
      },
    });
  },
});

import assert from "node:assert/strict";
import { COMMANDS } from "../../cli/commands/mod.ts";
import { invoke } from "../../cli/program.ts";
import { openTerminal } from "../../cli/terminal.ts";
import { decodeArtefact } from "../../lib/format/artefact.ts";
import { LatencyCodec } from "../../lib/format/latency.ts";
import { decodeNetwork } from "../../lib/format/network.ts";
import { candidateName, PlanCodec } from "../../lib/format/plan.ts";
import { SensitivityCodec } from "../../lib/format/sensitivity.ts";
import { VerificationCodec } from "../../lib/format/verification.ts";
import { nativeStatus } from "../../lib/runtime/native_status.ts";
import { seededRandom } from "../../lib/tensor/random.ts";
import { expectRejection } from "../lib/format/expect_error.ts";
import { tinyLanguageModel, WORDS } from "../lib/onnx/tiny_language_model.ts";
import { inNewFolder } from "./dyad.ts";
import { writeSampleFiles } from "./sample_files.ts";

const CODING = "--codes alternating --codes-group 5";

/** Runs a command in this thread; "@name" is a file of the folder. */
async function dyad(folder: string, line: string): Promise<void> {
  const terminal = openTerminal({ json: false, quiet: true, colour: false });
  const [name, ...words] = line.split(" ");
  const command = COMMANDS.find((known) => known.name === name)!;
  await invoke(command, words.map((word) => word.replace(/^@/, `${folder}/`)), terminal);
}

const TIERS: readonly string[] = nativeStatus().isAvailable ? ["wasm", "native"] : ["wasm"];

interface Case {
  readonly name: string;
  readonly data: string;
  readonly model: string;
  write(folder: string): void;
}

const CASES: readonly Case[] = [
  { name: "a CNN", data: "--data @images.npy --limit 6", model: "@model.onnx", write: writeSampleFiles },
  {
    name: "a language model",
    data: "--data @ids.txt --limit 8",
    model: "@lm.onnx --input-shape ids=8,1",
    write(folder) {
      const random = seededRandom(4);
      Deno.writeFileSync(`${folder}/lm.onnx`, tinyLanguageModel());
      Deno.writeTextFileSync(
        `${folder}/ids.txt`,
        Array.from({ length: 81 }, () => random.integer(0, WORDS - 1)).join(" "),
      );
    },
  },
];

for (const { name, data, model, write } of CASES) {
  Deno.test(`codes are candidates like any other: ${name} from calibrate to verify`, async () => {
    await inNewFolder(async (folder) => {
      write(folder);
      const run = (line: string): Promise<void> => dyad(folder, line);
      const read = (file: string): string => Deno.readTextFileSync(`${folder}/${file}`);
      await run(`calibrate ${model} ${data} -o @c.json`);
      await run(
        `sensitivity ${model} --calibration @c.json ${data} --candidates 8/8,4/8,codes4/8,codes2/codes3 ` +
          `--free-ends --metrics fisher,weight-error --probes 4 ${CODING} -o @s.json`,
      );
      await run(
        `profile ${model} --candidates 8/8,4/8,codes4/8,codes2/codes3 --rounds 1 --mixtures 1 ${CODING} -o @l.json`,
      );
      const limits = "--max-weight-bits 3 --exclude *=8 --exclude *=4/*";
      await run(`plan @s.json --latency @l.json ${limits} --lp @p.lp -o @p.json`);
      await run(
        `plan @s.json --latency @l.json ${limits} --refine 2 --model ${model} --calibration @c.json ${data} ` +
          "--threads 1 -o @refined.json",
      );
      for (const file of ["n", "again"]) {
        await run(`quantize ${model} --calibration @c.json --plan @p.json ${CODING} -o @${file}.json`);
      }
      assert.equal(read("again.json"), read("n.json"), "the same bytes every time");
      await run(`quantize ${model} --calibration @c.json --bits codes1/codes2 --ends codes3/codes1 -o @signs.json`);
      for (const backend of TIERS) {
        await run(`verify @n.json --model ${model} --plan @p.json ${data} --backend ${backend} --threads 1 -o @v.json`);
        await run(`verify @signs.json --model ${model} ${data} --backend ${backend} --threads 1 -o @vs.json`);
        for (const file of ["v.json", "vs.json"]) {
          assert.ok(decodeArtefact(VerificationCodec, read(file), file).passed, `${file}, ${backend}`);
        }
      }

      const plan = decodeArtefact(PlanCodec, read("p.json"), "p.json");
      const table = decodeArtefact(SensitivityCodec, read("s.json"), "s.json");
      const latency = decodeArtefact(LatencyCodec, read("l.json"), "l.json");
      const { network } = decodeNetwork(
        read("n.json"),
        Deno.readFileSync(`${folder}/n.safetensors`),
        "n.json",
        "n.safetensors",
      );
      const planned = plan.layers.map(candidateName);
      assert.ok(planned.includes("codes4/8") && planned.includes("codes2/codes3"), planned.join(" "));
      assert.deepEqual(network.layers.map(candidateName), planned);
      assert.deepEqual(latency.layers[0].candidates.map(candidateName), ["8/8", "4/8", "codes4/8", "codes2/codes3"]);
      assert.match(read("p.lp"), /_wcodes4a8/);
      assert.match(read("p.lp"), /_wcodes2acodes3/);
      const coded = network.steps.filter(({ problem }) =>
        problem?.kind === "online_codes" || problem?.kind === "lstm" && problem.hiddenCodes === 3
      );
      assert.equal(coded.length, planned.filter((bits) => bits === "codes2/codes3").length);
      for (const layer of plan.layers) {
        const problem = network.steps.find((step) => step.layer === layer.name)!.problem;
        assert.ok(problem !== undefined && "weights" in problem && problem.codes?.bits === layer.weightBits);
        const row = table.layers.find((each) => each.name === layer.name)!;
        const of = (bits: string) =>
          row.candidates.find((each) => candidateName(each) === bits)!.scores["weight-error"];
        assert.ok(of("codes2/codes3") > of("codes4/8"), layer.name);
      }
      assert.deepEqual(
        table.layers[0].alone!.weights.map(({ bits, weightFormat = "" }) => `${weightFormat}${bits}`),
        ["8", "4", "codes4", "codes2"],
      );
      assert.deepEqual(
        table.layers[0].alone!.activations.map(({ bits, activationFormat = "" }) => `${activationFormat}${bits}`),
        ["8", "codes3"],
      );
      const ternary = run(
        `quantize ${model} --calibration @c.json --bits codes3 --ends codes3 --codes ternary -o @t.json`,
      );
      await expectRejection("usage", ternary, /codes3\/8 with --codes ternary, which makes codes2 alone/);
    });
  });
}

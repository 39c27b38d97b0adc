import assert from "node:assert/strict";
import { COMMANDS } from "../../cli/commands/mod.ts";
import { invoke } from "../../cli/program.ts";
import { openTerminal } from "../../cli/terminal.ts";
import { evidenceOf, type Verification } from "../../lib/format/verification.ts";
import type { RunSummary } from "../../cli/commands/run.ts";
import type { Report } from "../../cli/report.ts";
import { decodeNpy } from "../../lib/format/npy.ts";
import type { Sensitivity } from "../../lib/format/sensitivity.ts";
import { seededRandom } from "../../lib/tensor/random.ts";
import { expectRejection } from "../lib/format/expect_error.ts";
import { tinyLanguageModel, WORDS } from "../lib/onnx/tiny_language_model.ts";
import { inNewFolder } from "./dyad.ts";

Deno.test("a language model goes through the pipeline; the integer network carries its states itself", async () => {
  await inNewFolder(async (folder) => {
    const path = (name: string): string => `${folder}/${name}`;
    const random = seededRandom(4);
    const ids = Array.from({ length: 241 }, () => random.integer(0, WORDS - 1));
    Deno.writeFileSync(path("lm.onnx"), tinyLanguageModel());
    Deno.writeTextFileSync(path("ids.txt"), ids.join(" "));
    const terminal = openTerminal({ json: false, quiet: true, colour: false });
    const run = async (line: string): Promise<unknown> => {
      const [name, ...words] = line.split(" ");
      const command = COMMANDS.find((known) => known.name === name)!;
      return await invoke(command, words.map((word) => word.startsWith("@") ? path(word.slice(1)) : word), terminal);
    };
    const shape = "--input-shape ids=8,1";
    await run(`calibrate @lm.onnx ${shape} --data @ids.txt -o @c.json`);
    await run(
      `sensitivity @lm.onnx ${shape} --calibration @c.json --data @ids.txt --limit 8 --probes 8 --metrics all --metric loss -o @s.json`,
    );
    compareSecondOrder(JSON.parse(Deno.readTextFileSync(path("s.json"))));
    await run(`quantize @lm.onnx ${shape} --calibration @c.json --bits 8 -o @lm.dyad.json`);
    for (const threads of ["1", "2"]) {
      await run(`run @lm.dyad.json --data @ids.txt --threads ${threads} --output-format npy -o @${threads}.npy`);
      const common = `--model @lm.onnx ${shape} --data @ids.txt --threads ${threads}`;
      await run(`verify @lm.dyad.json ${common} -o @${threads}.verify.json`);
    }
    const { json } = await run("run @lm.dyad.json --data @ids.txt") as Report<RunSummary>;
    const { images, perplexity } = json as RunSummary; // the command's own
    assert.equal(images, 30);
    assert.deepEqual(decodeNpy(Deno.readFileSync(path("1.npy")), "1.npy").shape, [30, 8, 1, WORDS]);
    for (const file of ["npy", "verify.json"]) {
      assert.deepEqual(Deno.readFileSync(path(`1.${file}`)), Deno.readFileSync(path(`2.${file}`)), file);
    }
    const { claims, passed }: Verification = JSON.parse(Deno.readTextFileSync(path("1.verify.json")));
    assert.ok(passed);
    const { tokens, float, integer } = evidenceOf(claims, "accuracy")!.perplexity!;
    assert.equal(tokens, 240);
    assert.equal(perplexity, integer);
    assert.ok(Math.abs(integer / float - 1) < 0.02, `perplexity ${float} float, ${integer} integer`);
    const otherShape = run(`verify @lm.dyad.json --model @lm.onnx --input-shape ids=4,1 --data @ids.txt -o @v.json`);
    await expectRejection("input", otherShape, /ids\.txt: a sample has 16 token ids.*--input-shape.*ids=8,1$/);
  });
});

/** The divergence of small errors is half of what the Fisher information weighs them by, as is the loss of its Hessian. */
function compareSecondOrder({ layers }: Sensitivity): void {
  assert.deepEqual(layers.map(({ name }) => name), ["memory.W", "memory", "head"]);
  for (const { name, candidates } of layers) {
    const { scores } = candidates.find(({ weightBits, activationBits }) => weightBits + activationBits === 16)!;
    for (const metric of ["fisher", "hessian-trace"]) {
      const ratio = scores[metric] / scores.kl;
      assert.ok(ratio > 0.4 && ratio < 10, `${name}: ${metric} is ${ratio} times the divergence`);
    }
  }
}

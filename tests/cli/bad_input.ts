import assert from "node:assert/strict";
import { COMMANDS } from "../../cli/commands/mod.ts";
import { invoke } from "../../cli/program.ts";
import { openTerminal } from "../../cli/terminal.ts";
import { DyadError, type ErrorKind } from "../../lib/format/error.ts";
import { sha256 } from "../../lib/format/hash.ts";
import { inNewFolder } from "./dyad.ts";
import { writeSampleFiles } from "./sample_files.ts";

/** A folder with every file of a small pipeline, and what a test puts there. */
export class Pipeline {
  readonly #terminal = openTerminal({ json: false, quiet: true, colour: false });

  constructor(readonly folder: string) {}

  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  write(name: string, content: string | Uint8Array): void {
    Deno.writeFileSync(this.path(name), typeof content === "string" ? new TextEncoder().encode(content) : content);
  }

  read(name: string): string {
    return Deno.readTextFileSync(this.path(name));
  }

  /** The file with a part of its text replaced. */
  edit(name: string, from: string | RegExp, to: string, target = `edited.${name}`): string {
    const before = this.read(name);
    const after = before.replace(from, to);
    assert.notEqual(after, before, `${name} has no ${from}`);
    this.write(target, after);
    return target;
  }

  /** Runs a command line in which `@name` is a file of the folder. */
  async run(line: string): Promise<void> {
    const [name, ...words] = line.split(" ");
    const command = COMMANDS.find((known) => known.name === name)!;
    const argv = words.map((word) => word.startsWith("@") ? this.path(word.slice(1)) : word);
    await invoke(command, argv, this.#terminal);
  }

  /** The message with which a command line is refused; no file may have come, gone or changed. */
  async refusal(line: string, kind: ErrorKind = "input"): Promise<string> {
    const before = this.#files();
    let message: string | undefined;
    await assert.rejects(this.run(line), (error) => {
      assert.ok(error instanceof DyadError, `${line}: ${error instanceof Error ? error.stack : error}`);
      assert.equal(error.kind, kind, `${line}: ${error.message}`);
      message = error.message.replaceAll(`${this.folder}/`, "");
      return true;
    }, line);
    assert.deepEqual(this.#files(), before, `${line}: files changed`);
    return message!;
  }

  async refuses(line: string, ...patterns: readonly RegExp[]): Promise<void> {
    const message = await this.refusal(line);
    for (const pattern of patterns) assert.match(message, pattern, line);
  }

  #files(): Record<string, string> {
    return Object.fromEntries(
      Array.from(Deno.readDirSync(this.folder), ({ name, isFile }): [string, string] => [
        name,
        isFile ? sha256(Deno.readFileSync(this.path(name))) : "a folder",
      ]).sort(([a], [b]) => a < b ? -1 : 1),
    );
  }
}

type PipelineWork = (pipeline: Pipeline, t: Deno.TestContext) => Promise<void>;

/** A test in a folder with the files of `writeSampleFiles`. */
export function pipelineTest(title: string, work: PipelineWork): void {
  Deno.test(title, (t) =>
    inNewFolder(async (folder) => {
      writeSampleFiles(folder);
      await work(new Pipeline(folder), t);
    }));
}

export function badInput(title: string, work: PipelineWork): void {
  pipelineTest(`bad input: ${title}`, work);
}

const LATENCY = `{ "format": "dyad/latency", "version": 1, "layers": [
  { "name": "Conv_0", "candidates": [{ "bits": 8, "ms": 3 }, { "bits": 4, "ms": 2 }] },
  { "name": "Gemm_5", "candidates": [{ "bits": 8, "ms": 0.5 }, { "bits": 4, "ms": 0.25 }] }
] }`;

/**
 * The same with an artefact of every step: m.calibration.json, m.sensitivity.json, m.part.json, m.plan.json, m.dyad.json, and
 * a latency table by hand, m.latency.json.
 */
export function badArtefact(title: string, work: PipelineWork): void {
  badInput(title, async (pipeline, t) => {
    const data = "--data @images.npy";
    await pipeline.run(`calibrate @model.onnx ${data} --mean 0.5 --std 0.25 --method mse -o @m.calibration.json`);
    const table = `sensitivity @model.onnx --calibration @m.calibration.json ${data} --candidates 8/8,4/4 --free-ends`;
    await pipeline.run(`${table} -o @m.sensitivity.json`);
    await pipeline.run(`${table} --shard 1/1 -o @m.part.json`);
    await pipeline.run(`plan @m.sensitivity.json --max-size 80% -o @m.plan.json`);
    await pipeline.run(
      `quantize @model.onnx --calibration @m.calibration.json --plan @m.plan.json -o @m.dyad.json`,
    );
    pipeline.write("m.latency.json", LATENCY);
    await work(pipeline, t);
  });
}

import assert from "node:assert/strict";
import { COMMANDS } from "../../cli/commands/mod.ts";
import { FILE, longName, OUTPUT_FILE, REPLACEABLE_FILE } from "../../cli/flag.ts";
import { refuseOverwriting } from "../../cli/overwriting.ts";
import { expectError } from "../lib/format/expect_error.ts";
import { expectFailure, inNewFolder } from "./dyad.ts";

Deno.test("an output is no file that is read, by any of its names", () =>
  inNewFolder((folder) => {
    for (const name of ["model.onnx", "images.npz", "old.json"]) Deno.writeTextFileSync(`${folder}/${name}`, name);
    Deno.mkdirSync(`${folder}/photos`);
    Deno.symlinkSync("model.onnx", `${folder}/link`);
    const given = (output: string, cache = "old.json") => [
      { by: "argument parts", of: FILE, value: [`${folder}/new.json`, `${folder}/model.onnx`] },
      { by: "--data", of: FILE, value: `${folder}/images.npz:pixels` },
      { by: "--folder", of: FILE, value: `${folder}/photos` },
      { by: "--plan", of: FILE, value: undefined },
      { by: "--cache", of: REPLACEABLE_FILE, value: `${folder}/${cache}` },
      { by: "--threads", value: 2 },
      { by: "--output", of: OUTPUT_FILE, value: output },
    ];
    for (const other of ["new.json", "gone/new.json", "old.json", "photos"]) {
      refuseOverwriting(given(`${folder}/${other}`));
    }
    refuseOverwriting(given("-"));
    refuseOverwriting([{ by: "a", of: FILE, value: "/dev/null" }, { by: "b", of: OUTPUT_FILE, value: "/dev/null" }]);
    const refuses = (name: string, by: string) =>
      expectError(
        "usage",
        () => refuseOverwriting(given(`${folder}/${name}`)),
        `--output would replace ${folder}/${name}, which ${by} reads; give it another file`,
      );
    refuses("model.onnx", "argument parts");
    refuses("photos/../model.onnx", "argument parts");
    refuses("link", "argument parts");
    refuses("images.npz", "--data");
    return Promise.resolve();
  }));

Deno.test("flags that name an output are known to be written", () => {
  const outputs = COMMANDS.flatMap(({ name, flags }) =>
    Object.values(flags)
      .filter(({ value }) => value?.isFile && value.fate === "written")
      .map((flag) => `${name} ${longName(flag)}`)
  );
  const every = COMMANDS.filter(({ flags }) => flags.output?.value?.isFile && flags.output.syntax.includes("<file>"));
  for (const { name } of every) assert.ok(outputs.includes(`${name} --output`), name);
  for (const other of ["calibrate --tensors", "merge --tensors", "plan --lp", "plan --plot", "quantize --tensors"]) {
    assert.ok(outputs.includes(other), other);
  }
});

Deno.test("a model is not replaced by what is made of it", () =>
  inNewFolder(async (cwd) => {
    Deno.writeTextFileSync(`${cwd}/m.onnx`, "model");
    const line = ["profile", "m.onnx", "-o", "./m.onnx"];
    await expectFailure(2, /^dyad: error: --output would replace \.\/m\.onnx, which argument model reads; give/, line, {
      cwd,
    });
    assert.equal(Deno.readTextFileSync(`${cwd}/m.onnx`), "model");
  }));

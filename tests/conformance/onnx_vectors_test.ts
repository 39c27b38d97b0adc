import assert from "node:assert/strict";
import { unzipSync } from "fflate";
import { runVector, type Vector } from "./run_vector.ts";

const FOLDER = new URL("../../testdata/vectors/", import.meta.url);
const SETS = ["node", "pytorch-converted", "pytorch-operator"];

/** Every case of a set, by `set/name`. */
function readSet(set: string): Map<string, Vector> {
  const files = unzipSync(Deno.readFileSync(new URL(`${set}.zip`, FOLDER)));
  const numbered = (test: string, kind: string): Uint8Array[] => {
    const list: Uint8Array[] = [];
    for (let i = 0; `${test}/test_data_set_0/${kind}_${i}.pb` in files; i++) {
      list.push(files[`${test}/test_data_set_0/${kind}_${i}.pb`]);
    }
    return list;
  };
  const names = Object.keys(files).filter((path) => path.endsWith("/model.onnx")).map((path) => path.split("/")[0]);
  return new Map(names.map((name) => [
    `${set}/${name}`,
    { model: files[`${name}/model.onnx`], inputs: numbered(name, "input"), outputs: numbered(name, "output") },
  ]));
}

/** cases.txt: the name of a case, and for one that does not run ` | part of its error | why`. */
function readCases(): Map<string, { error: string; reason: string } | undefined> {
  const lines = Deno.readTextFileSync(new URL("cases.txt", FOLDER)).split("\n");
  return new Map(
    lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
      const [name, error, reason] = line.split(" | ").map((part) => part.trim());
      if (error === undefined) return [name, undefined];
      assert.ok(reason, `cases.txt: ${name} has no reason`);
      return [name, { error, reason }];
    }),
  );
}

const vectors = new Map(SETS.flatMap((set) => [...readSet(set)]));
const cases = readCases();

Deno.test("cases.txt lists every borrowed case", () => {
  assert.deepEqual([...cases.keys()], [...vectors.keys()]);
});

for (const set of SETS) {
  const chosen = [...vectors].filter(([name]) => name.startsWith(`${set}/`));

  Deno.test(`ONNX ${set} vectors: outputs equal the expected ones`, () => {
    let run = 0;
    for (const [name, vector] of chosen) {
      if (cases.get(name) !== undefined) continue;
      try {
        runVector(vector);
      } catch (error) {
        throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
      }
      run++;
    }
    assert.ok(run > 0);
  });

  Deno.test(`ONNX ${set} vectors: cases that do not run fail as listed`, () => {
    for (const [name, vector] of chosen) {
      const listed = cases.get(name);
      if (listed === undefined) continue;
      assert.throws(() => runVector(vector), (error: Error) => {
        assert.ok(error.message.includes(listed.error), `${name}: ${error.message}`);
        return true;
      }, `${name} is listed as not running, but it does: ${listed.reason}`);
    }
  });
}

import assert from "node:assert/strict";
import fc from "fast-check";
import { DyadError } from "../../../lib/format/error.ts";
import { importModel } from "../../../lib/onnx/import.ts";
import { model, smallNetwork } from "./sample_model.ts";

const FOLDER = new URL("../../../testdata/hostile/onnx/", import.meta.url);

/** The only kind of error that a file may cause, or undefined where it imports. */
function inputErrorOf(bytes: Uint8Array): DyadError | undefined {
  try {
    importModel(bytes, { where: "m.onnx", external: () => new Uint8Array(16) });
    return undefined;
  } catch (error) {
    if (error instanceof DyadError && error.kind === "input") return error;
    throw error;
  }
}

Deno.test("hostile files are refused as their page says", () => {
  const rows = Deno.readTextFileSync(new URL("README.md", FOLDER)).split("\n").flatMap((line) => {
    const [, file, , error] = line.split("|").map((cell) => cell.trim());
    return file?.endsWith(".onnx") ? [[file, error]] : [];
  });
  const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) => name.endsWith(".onnx"));
  assert.deepEqual(rows.map(([file]) => file).sort(), files.sort());
  for (const [file, message] of rows) {
    const started = performance.now();
    const error = inputErrorOf(Deno.readFileSync(new URL(file, FOLDER)));
    assert.ok(error !== undefined, `${file} is not refused`);
    assert.ok(error.message.includes(message), `${file}: ${error.message}`);
    assert.ok(performance.now() - started < 1000, `${file} takes ${performance.now() - started} ms`);
  }
});

Deno.test("damaged models give an input error or import, nothing else", () => {
  const original = model(smallNetwork());
  const change = fc.record({
    at: fc.nat({ max: original.length - 1 }),
    remove: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.nat({ max: 40 }) }),
    insert: fc.oneof(
      { weight: 4, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 1 }) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }) },
    ),
  });
  let refused = 0;
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      let bytes = [...original];
      for (const { at, remove, insert } of changes) {
        bytes = [...bytes.slice(0, at), ...insert, ...bytes.slice(at + remove)];
      }
      if (inputErrorOf(Uint8Array.from(bytes))) refused++;
    }),
    { numRuns: 2000 },
  );
  assert.ok(refused > 0);
});

Deno.test("every model with one byte changed gives an input error or imports", () => {
  const original = model(smallNetwork());
  for (let at = 0; at < original.length; at++) {
    for (const value of [0, 0x7f, 0xff, original[at] ^ 1, original[at] + 1]) {
      const bytes = original.slice();
      bytes[at] = value;
      inputErrorOf(bytes);
    }
  }
});

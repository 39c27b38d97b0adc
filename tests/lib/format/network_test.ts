import assert from "node:assert/strict";
import fc from "fast-check";
import type { ConvolutionProblem, LstmProblem } from "../../../lib/arith/problem.ts";
import { DyadError } from "../../../lib/format/error.ts";
import { decodeNetwork, encodeNetwork } from "../../../lib/format/network.ts";
import { checkNetwork } from "../../../lib/format/network_check.ts";
import { createEngine } from "../../../lib/runtime/engine.ts";
import { samplePipeline } from "../verify/sample_subject.ts";
import { EVERY_KIND, randomInput } from "./every_kind.ts";
import { expectError } from "./expect_error.ts";
import { EDITS, type Json, json, tensorOf } from "./network_edits.ts";

const PROVENANCE = { inputs: {}, options: {} };
const WRITTEN = encodeNetwork(EVERY_KIND, PROVENANCE);

/** The network as someone who edits the file sees it: parsed, without its integrity hash. */
function opened(): Json {
  const artefact = JSON.parse(WRITTEN.json);
  delete artefact.integrity;
  return artefact;
}

function decode(artefact: unknown) {
  return decodeNetwork(JSON.stringify(artefact), WRITTEN.constants, "net.dyad.json", "net.dyad.safetensors").network;
}

Deno.test("a network of every kind of problem reads back, and writes the same bytes again", () => {
  const network = decode(opened());
  assert.deepEqual(fieldsOf(network), fieldsOf(EVERY_KIND));
  assert.deepEqual(encodeNetwork(network, PROVENANCE), WRITTEN);
});

Deno.test("the network of a trained model reads back, packed weights included, and writes the same bytes again", () => {
  const { network, constants, integerNetwork, provenance } = samplePipeline("inception");
  const text = new TextDecoder().decode(network.bytes);
  const decoded = decodeNetwork(text, constants.bytes, network.name, constants.name).network;
  assert.deepEqual(fieldsOf(decoded), fieldsOf(integerNetwork));
  const again = encodeNetwork(decoded, provenance);
  assert.equal(again.json, text);
  assert.deepEqual(again.constants, constants.bytes);
});

/** The same value without fields that are there but undefined, which a file does not tell from absent ones. */
function fieldsOf(value: unknown): unknown {
  if (value instanceof Map) return new Map(Array.from(value, ([key, inner]) => [key, fieldsOf(inner)]));
  if (Array.isArray(value)) return value.map(fieldsOf);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => inner === undefined ? [] : [[key, fieldsOf(inner)]]),
  );
}

for (const { what, edit, expected } of EDITS) {
  Deno.test(`an edited network is refused: ${what}`, () => {
    const artefact = opened();
    edit(artefact);
    expectError("input", () => decode(artefact), "net.dyad.json", expected);
  });
}

Deno.test("weights that are not what their codes say are refused", () => {
  for (const output of ["coded", "hidden"]) {
    const steps = EVERY_KIND.steps.map((step) => {
      if (step.output !== output) return step;
      const problem = step.problem as ConvolutionProblem | LstmProblem; // by the names of every_kind.ts
      return {
        ...step,
        problem: { ...problem, weights: problem.weights.map((weight, i) => i === 4 ? -weight - 1 : weight) },
      };
    });
    expectError(
      "input",
      () => checkNetwork({ ...EVERY_KIND, steps }, "net"),
      `step make ${output}: weight ${output === "coded" ? "4 of row 0" : "1 of row 1"} is not what its codes say`,
    );
  }
});

Deno.test("tensors that fit nowhere are an input error", () => {
  const artefact = opened();
  const huge = 2 ** 40;
  artefact.input.shape[1] = artefact.output.shape[1] = tensorOf(artefact, "x").shape[1] = huge as Json;
  artefact.steps = json([]);
  artefact.output.tensor = "x" as Json;
  artefact.output.shape = artefact.input.shape;
  const network = decode(artefact);
  expectError(
    "input",
    () => createEngine(network, "scalar", "net.dyad.json"),
    "net.dyad.json",
    "do not fit into memory",
  );
});

Deno.test("a network needs the constants that it was written with", () => {
  const constants = WRITTEN.constants.slice();
  constants[constants.length - 1] ^= 1;
  expectError(
    "input",
    () => decodeNetwork(WRITTEN.json, constants, "net.dyad.json", "net.dyad.safetensors"),
    /^net\.dyad\.safetensors: hashes to/,
    "net.dyad.json expects",
  );
});

/** Where the numbers of an artefact are. */
function numbersIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value === "number") return [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => numbersIn(inner, [...path, key]));
}

Deno.test("whatever number is changed, a network is refused or both tiers compute the same", () => {
  const paths = numbersIn(opened());
  const numbers = fc.oneof(
    fc.integer({ min: -3, max: 100 }),
    fc.constantFrom(255, 256, 65535, 2 ** 20, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, 0.5, -(2 ** 31)),
  );
  let accepted = 0;
  fc.assert(
    fc.property(fc.constantFrom(...paths), numbers, fc.nat(), (path, number, seed) => {
      const artefact = opened();
      const parent = path.slice(0, -1).reduce((value, key) => value[key], artefact);
      parent[path.at(-1)!] = number as Json;
      try {
        const network = decode(artefact);
        const [fast, reference] = (["wasm", "scalar"] as const).map((tier) => createEngine(network, tier, "net"));
        const input = randomInput(network, seed);
        assert.deepEqual(fast.run(input), reference.run(input));
        accepted++;
      } catch (error) {
        if (!(error instanceof DyadError)) throw error;
        assert.equal(error.kind, "input");
      }
    }),
    { numRuns: 1500 },
  );
  assert.ok(accepted > 20, `only ${accepted} changes were accepted`);
});

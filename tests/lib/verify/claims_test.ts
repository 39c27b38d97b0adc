import assert from "node:assert/strict";
import { ModuleBuilder } from "../../../kernels/wasm/module.ts";
import { decodeArtefact, encodeArtefact } from "../../../lib/format/artefact.ts";
import { CalibrationCodec } from "../../../lib/format/calibration.ts";
import type { DataFile } from "../../../lib/format/data_file.ts";
import { sha256 } from "../../../lib/format/hash.ts";
import type { IntegerNetwork } from "../../../lib/format/network.ts";
import { PlanCodec } from "../../../lib/format/plan.ts";
import { type ClaimName, type ClaimRecord, evidenceOf, type Verification } from "../../../lib/format/verification.ts";
import type { Graph } from "../../../lib/ir/graph.ts";
import { createEngine, type IntegerEngine } from "../../../lib/runtime/engine.ts";
import { type ContextExtras, createEngines, makeContext, type VerifyOptions } from "../../../lib/verify/context.ts";
import { networkInput } from "../../../lib/runtime/network_input.ts";
import { openSubject, type Subject, type SubjectFiles } from "../../../lib/verify/subject.ts";
import { verify } from "../../../lib/verify/verify.ts";
import { expectError } from "../format/expect_error.ts";
import {
  fashionImages,
  samplePipeline,
  subjectFiles,
  textFile,
  withConvolution,
  withNetwork,
  withStep,
} from "./sample_subject.ts";
import { EXECUTES_NATIVE } from "../../kernels/x64_kernels/native_here.ts";

const files = samplePipeline("resnet20");
const subject = openSubject(subjectFiles(files));
const images = fashionImages(2);
const steps = files.integerNetwork.steps;
/** A layer in the middle, with 4-bit weights. */
const inner = steps.findIndex(({ weightBits }) => weightBits === 4);

function run(subject: Subject, options: VerifyOptions = {}, extras: ContextExtras = {}): Promise<Verification> {
  return verify(makeContext(subject, images, { limit: 1, ...options }, extras));
}

function claimOf(verification: Verification, name: ClaimName): ClaimRecord {
  return verification.claims.find((claim) => claim.name === name)!;
}

/** Asserts that exactly these claims failed, and that the first of them says why. */
function assertFailed(verification: Verification, names: readonly ClaimName[], ...patterns: readonly RegExp[]): void {
  const failed = verification.claims.filter(({ status }) => status === "failed");
  assert.deepEqual(failed.map(({ name }) => name), names);
  assert.equal(verification.passed, names.length === 0);
  const failures = failed[0]?.failures.join("\n") ?? "";
  for (const pattern of patterns) assert.match(failures, pattern);
}

function reopened(changes: Partial<SubjectFiles["artefacts"]>, model = files.model): Subject {
  const { artefacts, ...rest } = subjectFiles(files);
  return openSubject({ ...rest, model, artefacts: { ...artefacts, ...changes } });
}

/** Engines of which the one under test runs another network, or says other things of itself. */
function faulty(change: (engine: IntegerEngine) => Partial<IntegerEngine>, runs?: IntegerNetwork): ContextExtras {
  return {
    makeEngines({ network, name }) {
      const tested = createEngine(runs ?? network, "wasm", name);
      const stepwise = createEngine(runs ?? network, "wasm", name, { fused: false });
      return {
        tested: { ...tested, ...change(tested) },
        stepwise: { ...stepwise, ...change(stepwise) },
        reference: createEngine(network, "scalar", name),
      };
    },
  };
}

Deno.test("hash-chain: another model than the network's", async () => {
  const other = { ...files.model, name: "other.onnx", sha256: sha256("other") };
  assertFailed(
    await run(reopened({}, other)),
    ["hash-chain"],
    /resnet20\.dyad\.json: was made from the model .*other\.onnx is/,
  );
});

Deno.test("hash-chain: a calibration and a plan of another model", async () => {
  const content = decodeArtefact(CalibrationCodec, textOf(files.calibration), "");
  const edited = encodeArtefact(CalibrationCodec, { ...content, inputs: { model: { sha256: sha256("other") } } });
  const verification = await run(reopened({ calibration: textFile("other.calibration.json", edited) }));
  assertFailed(
    verification,
    ["hash-chain"],
    /resnet20\.dyad\.json: was made from the calibration .*other\.calibration\.json is/,
    /other\.calibration\.json: was made from the model .*resnet20\.onnx is/,
  );
  const links = evidenceOf(verification.claims, "hash-chain")!.links.map(({ from, to, status }) =>
    `${from} ${to} ${status}`
  );
  assert.ok(links.includes("calibration model broken"));
  assert.ok(links.includes("network plan holds"));
});

Deno.test("hash-chain: integers where a layer is said to take codes", async () => {
  const { integerNetwork } = files;
  const { name } = integerNetwork.layers[1];
  const layers = integerNetwork.layers.map((layer) =>
    layer.name === name ? { ...layer, activationBits: 2, activationFormat: "codes" as const } : layer
  );
  const verification = await run(openSubject(subjectFiles(withNetwork(files, { ...integerNetwork, layers }))));
  assert.match(
    claimOf(verification, "hash-chain").failures.join("\n"),
    new RegExp(`${name}: takes integers, not ./codes2`),
  );
});

Deno.test("hash-chain: a plan with other bits", async () => {
  const plan = decodeArtefact(PlanCodec, textOf(files.plan), "");
  const name = steps[inner].layer!;
  const layers = plan.layers.map((layer) => layer.name === name ? { ...layer, weightBits: 2 } : layer);
  const text = encodeArtefact(PlanCodec, { ...plan, layers });
  assertFailed(
    await run(reopened({ plan: textFile("other.plan.json", text) })),
    ["hash-chain"],
    /was made from the plan/,
    new RegExp(`layer ${name}: the network has 4/4 bits, the plan gives it 2/4`),
  );
});

Deno.test("hash-chain: layers that the plan or the network lacks", async () => {
  const plan = decodeArtefact(PlanCodec, textOf(files.plan), "");
  const layers = plan.layers.map((layer, i) => i === 3 ? { ...layer, name: "elsewhere" } : layer);
  const text = encodeArtefact(PlanCodec, { ...plan, layers });
  assertFailed(
    await run(reopened({ plan: textFile("other.plan.json", text) })),
    ["hash-chain"],
    /layer elsewhere: the plan names it/,
    new RegExp(`layer ${plan.layers[3].name}: the network has it, the plan does not`),
  );
});

Deno.test("hash-chain: a network that states no model, or fewer bits than its integers have", async () => {
  const { layers } = files.integerNetwork;
  const claimed = layers.map((layer, i) => i === 1 ? { ...layer, weightBits: 3, activationBits: 2 } : layer);
  const changed = withNetwork({ ...files, provenance: { inputs: {}, options: {} } }, {
    ...files.integerNetwork,
    layers: claimed,
  });
  assertFailed(
    await run(openSubject({ ...subjectFiles(changed), artefacts: {} })),
    ["hash-chain"],
    /does not state the hash of the model/,
    /holds a weight of magnitude 7, beyond 3 bits/,
    /takes inputs up to 15, beyond 2 bits/,
  );
});

Deno.test("hash-chain: a file that nothing was made from, and a network without its own hash", async () => {
  const changed = withNetwork({
    ...files,
    provenance: { inputs: { model: files.provenance.inputs.model }, options: {} },
  }, files.integerNetwork);
  const unsealed = textOf(changed.network).replace(/,\s*"integrity": "[0-9a-f]+"/, "");
  const network = textFile(changed.network.name, unsealed);
  assertFailed(
    await run(openSubject(subjectFiles({ ...changed, network }))),
    ["hash-chain"],
    /has no "integrity" line/,
    /resnet20\.plan\.json: no file given was made from a plan/,
  );
});

Deno.test("edited files are refused when they are read", () => {
  const edited = textOf(files.network).replace('"zeroPoint": 0', '"zeroPoint": 1');
  assert.notEqual(edited, textOf(files.network));
  expectError(
    "input",
    () => openSubject({ ...files, network: textFile("n.dyad.json", edited) }),
    "n.dyad.json",
    "edited",
  );
  const bytes = files.constants.bytes.slice();
  bytes[bytes.length - 1] ^= 1;
  expectError("input", () => openSubject({ ...files, constants: { name: "n.safetensors", bytes } }), "n.safetensors");
});

Deno.test("integer-only: float instructions and divisions, each named with its place", async () => {
  const module = new ModuleBuilder();
  module.addFunction("half", { parameters: ["f32"], results: ["f32"] }, (f) => {
    f.get(f.parameters[0]).get(f.parameters[0]).op("f32.mul");
  });
  module.addFunction("mean", { parameters: ["i32", "i32"], results: ["i32"] }, (f) => {
    f.get(f.parameters[0]).get(f.parameters[1]).op("i32.div_s");
  });
  const verification = await run(subject, {}, faulty(() => ({ module: module.toBytes() })));
  assertFailed(
    verification,
    ["integer-only"],
    /half: f32 parameter/,
    /half: f32\.mul at byte/,
    /mean: i32\.div_s at byte/,
  );
  const { module: examined } = evidenceOf(verification.claims, "integer-only")!;
  assert.equal(examined!.functions, 2);
  assert.ok(examined!.opcodes.includes("i32.div_s"));
});

Deno.test("integer-only: a module that cannot be read proves nothing", async () => {
  const module = Uint8Array.of(1, 2, 3);
  assertFailed(await run(subject, {}, faulty(() => ({ module }))), ["integer-only"], /cannot be disassembled/);
});

Deno.test("integer-only: a step that no kernel computes", async () => {
  const kernels = steps.map((_, i) => i === inner ? "scalar" : "kernel");
  const verification = await run(subject, {}, faulty(() => ({ kernels })));
  assertFailed(verification, ["integer-only"], new RegExp(`step ${steps[inner].name}: no generated kernel`));
  assert.deepEqual(evidenceOf(verification.claims, "integer-only")!.notGenerated, [steps[inner].name]);
});

Deno.test("integer-only: a float constant", async () => {
  const constants = new Map([...subject.constants, ["stray", "f32" as const]]);
  assertFailed(await run({ ...subject, constants }), ["integer-only"], /constant stray: is f32/);
});

Deno.test("no-overflow: a bias that could leave int32 fails what rests on running, not the chain", async () => {
  const network = withStep(
    files.integerNetwork,
    inner,
    withConvolution(({ bias }) => ({ bias: Int32Array.from(bias, (b, o) => o === 3 ? 2 ** 31 - 1 : b) })),
  );
  const verification = await run(openSubject(subjectFiles(withNetwork(files, network))));
  const failing: ClaimName[] = ["integer-only", "no-overflow", "bit-exact", "accuracy"];
  assertFailed(verification, failing, /output channel 3: the accumulator can reach/);
  assert.match(claimOf(verification, "no-overflow").failures[0], new RegExp(`step ${steps[inner].name}`));
});

Deno.test("bit-exact: one changed weight is found where it first shows", async () => {
  const network = withStep(
    files.integerNetwork,
    inner,
    withConvolution(({ weights }) => ({ weights: weights.with(0, weights[0] > 0 ? -7 : 7) })),
  );
  const verification = await run(subject, {}, faulty(() => ({}), network));
  assertFailed(verification, ["bit-exact"], new RegExp(`step ${steps[inner].name}: .* image 0 is -?\\d+`));
  const { first, differing, steps: compared } = evidenceOf(verification.claims, "bit-exact")!;
  const [expected, found] = [files.integerNetwork, network].map((n) => outputsOf(createEngine(n, "scalar"))[inner]);
  const element = expected.findIndex((q, i) => q !== found[i]);
  const channels = 16;
  assert.equal(element % channels, 0, "only the channel of the weight differs");
  const [row, column] = [Math.floor(element / channels / 28), (element / channels) % 28];
  assert.deepEqual(first, {
    step: steps[inner].name,
    tensor: steps[inner].output,
    image: 0,
    element,
    position: `channel 0, row ${row}, column ${column}`,
    reference: expected[element],
    found: found[element],
  });
  assert.deepEqual(compared.slice(0, inner).map((step) => step.differing), new Array(inner).fill(0));
  assert.equal(compared[inner].differing, expected.filter((q, i) => q !== found[i]).length);
  assert.equal(differing, compared.reduce((sum, step) => sum + step.differing, 0));
});

Deno.test("bit-exact: hashes are of the integers in memory order, image after image", async () => {
  const { images: count, input, steps: hashed } = evidenceOf((await run(subject, { limit: 2 })).claims, "bit-exact")!;
  assert.equal(count, 2);
  const engine = createEngine(files.integerNetwork, "scalar");
  const outputs = [outputsOf(engine, 0), outputsOf(engine, 1)];
  hashed.forEach(({ sha256: found, elements }, i) => {
    const bytes = outputs.flatMap((image) => {
      assert.equal(image[i].length, elements);
      return [...new Uint8Array(image[i].buffer)];
    });
    assert.equal(found, sha256(Uint8Array.from(bytes)));
  });
  const pixels = [0, 1].flatMap((i) => Array.from(networkInput(files.integerNetwork, images, i)));
  assert.equal(input.sha256, sha256(Uint8Array.from(pixels)), "one channel: memory order is ONNX order");
});

Deno.test("bit-exact: sums that take in convolutions are compared by what comes out of the network", async () => {
  const wrong: ContextExtras = {
    makeEngines(subject, backend) {
      const engines = createEngines(subject, backend);
      assert.notEqual(engines.tested, engines.stepwise);
      const run: IntegerEngine["run"] = (...given) => engines.tested.run(...given).map((q, i) => i === 3 ? q + 1 : q);
      return { ...engines, tested: { ...engines.tested, run } };
    },
  };
  assertFailed(
    await run(subject, { limit: 2 }, wrong),
    ["bit-exact"],
    /with 9 convolutions fused into sums: 2 of its 20 output integers differ/,
  );
});

Deno.test("bit-exact: the reference may run on fewer images, and says so", async () => {
  const verification = await run(subject, { limit: 2, referenceLimit: 1 });
  assert.equal(evidenceOf(verification.claims, "bit-exact")!.images, 1);
  assert.equal(evidenceOf(verification.claims, "accuracy")!.images, 2);
  assert.deepEqual(
    evidenceOf(verification.claims, "bit-exact")!,
    evidenceOf((await run(subject, { limit: 1 })).claims, "bit-exact")!,
  );
});

Deno.test("accuracy: a network that lost its last layer misses every gate, and without gates is only measured", async () => {
  const last = steps.length - 1;
  const network = withStep(
    files.integerNetwork,
    last,
    withConvolution(({ weights, bias }) => ({
      weights: weights.map(() => 0),
      bias: bias.map((_, o) => o === 7 ? 1 : 0),
    })),
  );
  const broken = openSubject(subjectFiles(withNetwork(files, network)));
  const gated = await run(broken, { limit: 2, maxDrop: 0.5, minAgreement: 90 });
  assertFailed(gated, ["accuracy"], /top-1 falls by \d+\.\d\d points/, /agree on \d+\.\d\d % of the images/);
  const free = await run(broken, { limit: 2 });
  assertFailed(free, []);
  assert.equal(claimOf(free, "accuracy").status, "measured");
  assert.deepEqual(evidenceOf(free.claims, "accuracy")!, evidenceOf(gated.claims, "accuracy")!);
});

Deno.test("accuracy: a drop of exactly the limit passes", async () => {
  const { float, integer, drop } = evidenceOf((await run(subject, { limit: 2, maxDrop: 0 })).claims, "accuracy")!;
  assert.equal(drop, 100 * (float!.correct - integer!.correct) / 2);
  assert.equal(drop, 0);
});

Deno.test("accuracy: a model of another interface fails this claim and not bit-exactness", async () => {
  const { graph } = files.model;
  const cut: Graph = { ...graph, outputs: [graph.nodes[0].outputs[0]] };
  assertFailed(await run({ ...subject, graph: cut }), ["accuracy"], /the float model's output has shape 1x16x28x28/);
});

Deno.test("the scalar tier is its own reference: nothing to examine is skipped, not proven", async () => {
  const verification = await run(subject, { backend: "scalar" });
  assertFailed(verification, []);
  assert.equal(claimOf(verification, "integer-only").status, "skipped");
  assert.equal(claimOf(verification, "bit-exact").status, "skipped");
  assert.equal(claimOf(verification, "accuracy").status, "measured");
});

Deno.test(
  "the native tier is compared with the reference, and its machine code is examined",
  EXECUTES_NATIVE,
  async () => {
    const verification = await run(subject, { backend: "native" });
    assertFailed(verification, []);
    const integerOnly = claimOf(verification, "integer-only");
    assert.equal(integerOnly.status, "proven");
    assert.ok(integerOnly.evidence !== undefined && "machineCode" in integerOnly.evidence);
    assert.ok(integerOnly.evidence.machineCode?.opcodes.includes("vpdpbusd"));
    assert.equal(claimOf(verification, "bit-exact").status, claimOf(await run(subject), "bit-exact").status);
  },
);

function textOf({ bytes }: DataFile): string {
  return new TextDecoder().decode(bytes);
}

/** Output integers of every step for one image. */
function outputsOf(engine: IntegerEngine, image = 0) {
  const outputs: ReturnType<IntegerEngine["run"]>[] = [];
  engine.run(networkInput(engine.network, images, image), (_, output) => outputs.push(output.slice()));
  return outputs;
}

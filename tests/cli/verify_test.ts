import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { decodeArtefact } from "../../lib/format/artefact.ts";
import { VerificationCodec } from "../../lib/format/verification.ts";
import { CLAIMS } from "../../lib/verify/claims/mod.ts";
import { samplePipeline, textFile, withConvolution, withNetwork, withStep } from "../lib/verify/sample_subject.ts";

const MAIN = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const TESTDATA = fileURLToPath(new URL("../../testdata/", import.meta.url));

const files = samplePipeline("resnet20");

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `dyad verify` on the files in a folder of their own, which `n.verify.json` goes into as well. */
async function verify(
  { network, constants, calibration, plan }: Pick<typeof files, "network" | "constants" | "calibration" | "plan">,
  { model = "resnet20", labels = true, flags = [] as string[] } = {},
): Promise<Outcome & { artefact?: string }> {
  const folder = await Deno.makeTempDir({ prefix: "dyad-verify-" });
  try {
    const path = (name: string): string => `${folder}/${name}`;
    await Deno.writeFile(path("n.dyad.json"), network.bytes);
    await Deno.writeFile(path("n.dyad.safetensors"), constants.bytes);
    await Deno.writeFile(path("n.calibration.json"), calibration.bytes);
    await Deno.writeFile(path("n.plan.json"), plan.bytes);
    const argv = [
      ...["verify", path("n.dyad.json"), "--model", `${TESTDATA}models/${model}.onnx`],
      ...["--data", `${TESTDATA}data/calib/images.npy`, "--limit", "1", "-o", path("n.verify.json")],
      ...labels ? ["--labels", `${TESTDATA}data/calib/labels.npy`] : [],
      ...["--calibration", path("n.calibration.json"), "--plan", path("n.plan.json"), ...flags],
    ];
    const command = new Deno.Command(Deno.execPath(), { args: ["run", "--no-check", "-A", MAIN, ...argv] });
    const { code, stdout, stderr } = await command.output();
    const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).replaceAll(folder, "FOLDER");
    const artefact = await Deno.readTextFile(path("n.verify.json")).catch(() => undefined);
    return { code, stdout: decode(stdout), stderr: decode(stderr), artefact };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function failedClaims(artefact: string | undefined): string[] {
  const { claims, passed } = decodeArtefact(VerificationCodec, artefact!, "n.verify.json");
  const failed = claims.filter(({ status }) => status === "failed").map(({ name }) => name);
  assert.equal(passed, failed.length === 0);
  return failed;
}

Deno.test("verify: every claim with its evidence, and a line for every step", async () => {
  const { code, stdout, stderr, artefact } = await verify(files, { flags: ["--max-drop", "0.5"] });
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "");
  assert.deepEqual(failedClaims(artefact), []);
  for (const { name, statement } of CLAIMS) assert.match(stderr, new RegExp(`✓ +${name} +${statement}`));
  for (const { name } of files.integerNetwork.steps) {
    const line = stderr.split("\n").find((text) => text.startsWith(`${name} `));
    assert.match(line ?? name, /\b\d+\.\d\d +0 +[0-9a-f]{12}$/);
  }
  assert.match(stderr, /written +FOLDER\/n\.verify\.json/);
});

Deno.test("verify: the same bytes again, the report as JSON", async () => {
  const [first, second] = [await verify(files), await verify(files, { flags: ["--json"] })];
  assert.equal(first.artefact, second.artefact);
  assert.equal(second.stderr, "");
  const { passed, claims, layers } = JSON.parse(second.stdout);
  assert.equal(passed, true);
  assert.deepEqual(claims.map(({ name }: { name: string }) => name), CLAIMS.map(({ name }) => name));
  assert.equal(layers.length, files.integerNetwork.steps.length);
});

Deno.test("verify: a failed claim is exit 5, with the artefact written and the reason shown", async () => {
  const other = await verify(files, { model: "mobile" });
  assert.equal(other.code, 5, other.stderr);
  assert.ok(failedClaims(other.artefact).includes("hash-chain"));
  assert.match(other.stderr, /✗ +hash-chain/);
  assert.match(other.stderr, /n\.dyad\.json: was made from the model .*mobile\.onnx is/);
  assert.match(other.stderr, /error: FOLDER\/n\.dyad\.json: \d of 5 claims failed: hash-chain/);

  const last = files.integerNetwork.steps.length - 1;
  const deaf = withConvolution(({ weights, bias }) => ({
    weights: weights.map(() => 0),
    bias: bias.map((_, o) => o === 7 ? 1 : 0),
  }));
  const dropped = await verify(withNetwork(files, withStep(files.integerNetwork, last, deaf)), {
    flags: ["--max-drop", "0.5", "--quiet"],
  });
  assert.equal(dropped.code, 5, dropped.stderr);
  assert.deepEqual(failedClaims(dropped.artefact), ["accuracy"]);
  assert.equal(dropped.stderr, "dyad: error: FOLDER/n.dyad.json: 1 of 5 claims failed: accuracy\n");
});

Deno.test("verify: an edited network is exit 3, a gate without labels exit 2, and neither writes", async () => {
  const text = new TextDecoder().decode(files.network.bytes).replace('"zeroPoint": 0', '"zeroPoint": 1');
  const edited = await verify({ ...files, network: textFile("n.dyad.json", text) });
  assert.equal(edited.code, 3, edited.stderr);
  assert.match(edited.stderr, /FOLDER\/n\.dyad\.json: was edited/);
  assert.equal(edited.artefact, undefined);
  const unlabelled = await verify(files, { labels: false, flags: ["--max-drop", "0.5"] });
  assert.equal(unlabelled.code, 2, unlabelled.stderr);
  assert.match(unlabelled.stderr, /--labels/);
  assert.equal(unlabelled.artefact, undefined);
});

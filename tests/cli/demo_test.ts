import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { demoFiles, listFiles } from "../../cli/demo/files.ts";
import { type DemoNetwork, floatCosts, networkBlocks } from "../../cli/demo/networks.ts";
import { shellLine } from "../../cli/demo/shell_line.ts";
import { renderBlocks, styleFor } from "../../cli/report.ts";
import { decodeArtefact } from "../../lib/format/artefact.ts";
import { PlanCodec } from "../../lib/format/plan.ts";
import { VerificationCodec } from "../../lib/format/verification.ts";
import { expectFailure, expectSuccess, inNewFolder, namesIn } from "./dyad.ts";

const TESTDATA = fileURLToPath(new URL("../../testdata", import.meta.url));
/** More than one thread gets at a time. */
const IMAGES = 130;
const DEMO = [
  ...["demo", "--testdata", TESTDATA, "--model", "mobile", "--images", String(IMAGES)],
  ...["--calibration-images", "16", "--sensitivity-images", "4", "--verify-images", "4"],
];

Deno.test("demo: four networks from one, every file there, and the same bytes on any number of threads", async () => {
  await inNewFolder(async (cwd) => {
    Deno.mkdirSync(`${cwd}/again`);
    Deno.writeTextFileSync(`${cwd}/again/mobile.plan.json`, "of an earlier demo, and longer or shorter than this one");
    const [told, { out, err }] = await Promise.all([
      expectSuccess([...DEMO, "--threads", "3", "-o", "new/folder/"], { cwd }),
      expectSuccess([...DEMO, "--threads", "1", "-o", "again", "--json"], { cwd }),
    ]);

    const files = listFiles(demoFiles("new/folder", "mobile"));
    assert.deepEqual(namesIn(`${cwd}/new/folder`), files.map((path) => path.slice("new/folder/".length)).sort());
    for (const name of namesIn(`${cwd}/new/folder`)) {
      const [bytes, again] = [`new/folder/${name}`, `again/${name}`].map((path) => Deno.readFileSync(`${cwd}/${path}`));
      assert.deepEqual(bytes, again, name);
    }

    const read = (path: string): string => Deno.readTextFileSync(`${cwd}/${path}`);
    const { plan, verification } = demoFiles("new/folder", "mobile");
    const bits = decodeArtefact(PlanCodec, read(plan), plan).layers.map(({ weightBits }) => weightBits);
    assert.deepEqual([...new Set(bits)].sort(), [4, 8], "the mixed network is mixed");
    for (const tag of ["8bit", "mixed", "4bit"]) {
      assert.ok(decodeArtefact(VerificationCodec, read(verification(tag)), tag).passed, tag);
    }

    assert.equal(err, "");
    const report = JSON.parse(out);
    assert.ok(report.passed);
    assert.deepEqual(report.files, listFiles(demoFiles("again", "mobile")));
    const networks: DemoNetwork[] = report.networks;
    assert.deepEqual(networks.map(({ name }) => name), ["float", "8/8", "mixed", "4/4"]);
    assert.ok(networks.every(({ images, msPerImage }) => images === IMAGES && msPerImage > 0));
    const [float, eight, mixed, four] = networks;
    assert.equal(float.sizeBytes, 4 * eight.sizeBytes);
    assert.equal(float.bops, 16 * eight.bops);
    assert.ok(four.sizeBytes < mixed.sizeBytes && mixed.sizeBytes < eight.sizeBytes);
    assert.ok(mixed.bops <= (four.bops + eight.bops) / 2 + 0.02 * eight.bops, "about half the way");

    assert.equal(told.out, "");
    assert.doesNotMatch(told.err, new RegExp(String.fromCharCode(27)), "colour or a progress bar in a file");
    const commands = told.err.match(/^\$ dyad \w+/gm)?.map((line) => line.slice("$ dyad ".length));
    assert.deepEqual(commands, [
      ...["calibrate", "sensitivity", "plan", "quantize", "quantize", "quantize"],
      ...["run", "run", "run", "run", "verify", "verify", "verify"],
    ]);
    assert.equal(told.err.match(/ --threads 3 /g)?.length, 8, "sensitivity, run and verify share their work");
    assert.match(told.err, /^network +bits +size +BOPS +top-1 +change +ms\/image +speed +claims$/m);
    for (const { name, correct } of networks) {
      const percent = (100 * correct / IMAGES).toFixed(2);
      assert.match(told.err, new RegExp(`^${name} .* ${percent} % `, "m"), `${name} has a row`);
    }
    await pastedCommandWorks(told.err, cwd);
  });
});

Deno.test("demo: with all that it calibrates and verifies with by default, every claim holds", async () => {
  await inNewFolder(async (cwd) => {
    const { out } = await expectSuccess(["demo", "--testdata", TESTDATA, "--images", "256", "--json"], { cwd });
    const { passed, networks } = JSON.parse(out);
    assert.ok(passed);
    for (const { claims } of networks.slice(1)) assert.deepEqual(claims, { held: 5, total: 5 });
  });
});

/** The command that the demo shows for the plan, taken apart as a shell would, gives the plan that the demo made. */
async function pastedCommandWorks(shown: string, cwd: string): Promise<void> {
  const [, command] = /^\$ dyad (plan [^]*?\.json)$/m.exec(shown.replaceAll(/ \\\n +/g, " "))!;
  const plan = `${cwd}/new/folder/mobile.plan.json`;
  const bytes = Deno.readFileSync(plan);
  Deno.removeSync(plan);
  await expectSuccess([...command.split(" "), "--quiet"], { cwd });
  assert.deepEqual(Deno.readFileSync(plan), bytes);
}

Deno.test("demo: what cannot work is refused before any work, and leaves nothing", async () => {
  await inNewFolder(async (cwd) => {
    Deno.writeTextFileSync(`${cwd}/file`, "");
    await Promise.all([
      expectFailure(3, /testdata\/models\/resnet20\.onnx: there is no such file.*name their folder with --testdata/, [
        "demo",
      ], { cwd }),
      expectFailure(3, /cannot write file\/demo: a part of the path is a file/, [...DEMO, "-o", "file/demo"], { cwd }),
      expectFailure(2, /--model: found "resnet", expected one of resnet20, mobile, inception/, [
        ...["demo", "--model", "resnet"],
      ], { cwd }),
      expectFailure(2, /--candidates: found the candidate "9", expected/, [...DEMO, "--candidates", "9"], { cwd }),
    ]);
    assert.deepEqual(namesIn(cwd), ["file"]);
  });
});

Deno.test("commands are quoted and broken so that a shell reads the same words", async () => {
  const words = ["dyad", "run", ["--data", "it's a $HOME file"], ["-o", "a=b,c/d.e:f"], "", "-", ["--std", "0.25"]];
  assert.equal(shellLine(["dyad", ["--bits", "4/8"]]), "dyad --bits 4/8");
  for (const width of [Infinity, 80, 30, 1]) {
    const line = shellLine(words, width);
    assert.ok(line.split("\n").every((part) => part.length <= Math.max(width, 40)), line);
    assert.equal(line.split("\n").length > 1, width < 80);
    if (Deno.build.os === "windows") continue;
    const args = ["-c", `dyad() { printf '<%s>' "$@"; }; ${line}`];
    const { stdout } = await new Deno.Command("sh", { args }).output();
    assert.equal(new TextDecoder().decode(stdout), words.flat().slice(1).map((word) => `<${word}>`).join(""));
  }
});

Deno.test("the table of networks compares with the first, and fits 80 columns", () => {
  const eight: DemoNetwork = {
    ...{ name: "8/8", weightBits: 8, sizeBytes: 272_000, bops: 64e6, images: 10_000, correct: 9384, msPerImage: 0.5 },
    claims: { held: 4, total: 5 },
  };
  const float = { ...eight, name: "float", ...floatCosts({ parameters: 272_000, macs: 1e6 }), correct: 9385 };
  const lines = renderBlocks(
    networkBlocks([{ ...float, msPerImage: 2, claims: undefined }, eight]),
    styleFor(false),
    80,
  )
    .split("\n");
  assert.deepEqual(lines.slice(0, 3), [
    "network   bits       size     BOPS    top-1  change  ms/image  speed  claims",
    "float    32.00  1.038 MiB  1.024 G  93.85 %              2.00",
    "8/8       8.00  265.6 KiB  64.00 M  93.84 %   -0.01      0.50  4.00x  4 of 5",
  ]);
  assert.ok(lines.every((line) => line.length <= 80));
});

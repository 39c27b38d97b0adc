/**
 * What `dyad verify` says of the convolutional networks of testdata at 8/8, mixed bits and 4/4, made by `dyad demo` and
 * compared with the scalar reference on 256 test images, layer by layer:
 *
 *     deno run --allow-read --allow-write --allow-run tests/evidence/verification.ts [--images 32]
 *
 * Exits 1 when a claim does not hold. An integer that differs makes the claim bit-exact fail.
 */
import { parseArgs } from "node:util";
import type { VerificationSummary } from "../../cli/commands/verify.ts";
import { demoFiles, VARIANTS } from "../../cli/demo/files.ts";
import { barCell, conclude, printTable, withProgress } from "./bars.ts";
import { FASHION_NETWORKS } from "./fashion_networks.ts";

const ROOT = new URL("../../", import.meta.url);

const { values: { images } } = parseArgs({ args: Deno.args, options: { images: { type: "string", default: "256" } } });

/** Runs a command in the project's root and returns its report; `statuses` are those that come with one. */
async function dyad<T>(args: readonly string[], statuses: readonly number[]): Promise<T> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-R", "-W", "cli/main.ts", ...args, "--json"],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  if (!statuses.includes(code)) throw new Error(`dyad ${args.join(" ")} exited with ${code}: ${text.decode(stderr)}`);
  return JSON.parse(text.decode(stdout));
}

const VERIFICATION_FAILED = 5;

const held: boolean[] = [];
const rows = [];
const folder = await Deno.makeTempDir();
try {
  for (const { name } of FASHION_NETWORKS) {
    const made = ["demo", "--model", name, "--images", "200", "--verify-images", "1", "-o", folder];
    await withProgress(`${name}: making the networks`, () => dyad(made, [0]));
    const files = demoFiles(folder, name);
    for (const { name: bits, tag } of VARIANTS) {
      const verify = [
        ...["verify", files.network(tag), "--model", `testdata/models/${name}.onnx`, "--limit", images],
        ...["--data", "testdata/data/idx/t10k-images-idx3-ubyte.gz"],
        ...["--labels", "testdata/data/idx/t10k-labels-idx1-ubyte.gz"],
        ...["--calibration", files.calibration, ...(tag === "mixed" ? ["--plan", files.plan] : [])],
        ...["-o", files.verification(tag)],
      ];
      const { passed, claims } = await withProgress(
        `${name} ${bits}: verifying`,
        () => dyad<VerificationSummary>(verify, [0, VERIFICATION_FAILED]),
      );
      held.push(passed && claims.every(({ status }) => status === "proven" || status === "measured"));
      rows.push([name, bits, barCell(held.at(-1)!), `${claims.find((claim) => claim.name === "bit-exact")?.summary}`]);
    }
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
printTable("dyad verify, all claims", {
  columns: [{ title: "network" }, { title: "bits" }, { title: "" }, {
    title: "every layer against the scalar reference",
  }],
  rows,
});
conclude(held);

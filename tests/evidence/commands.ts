import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);

/** A file of testdata. */
export function testdata(path: string): string {
  return fileURLToPath(new URL(`testdata/${path}`, ROOT));
}

/** The calibration images of the convolutional networks, as the commands take them. */
export const CALIBRATION_DATA = ["--data", testdata("data/calib/images.npy"), "--mean", "0.286", "--std", "0.353"];

/** Their classes. */
export const CALIBRATION_LABELS = ["--labels", testdata("data/calib/labels.npy")];

/** Runs dyad as a user would, in a process of its own. @throws Error when it fails; it has said why. */
export async function dyad(...args: string[]): Promise<void> {
  await execute([...args, "--quiet"], "inherit");
}

/** The same, and what it says with `--json`. */
export async function dyadReport(...args: string[]): Promise<unknown> {
  return JSON.parse(await execute([...args, "--json"], "piped"));
}

async function execute(args: readonly string[], stdout: "inherit" | "piped"): Promise<string> {
  const main = fileURLToPath(new URL("cli/main.ts", ROOT));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-R", "-W", "--allow-ffi", main, ...args],
    stdin: "null",
    stdout,
    stderr: "inherit",
  }).spawn();
  const text = stdout === "piped" ? await new Response(child.stdout).text() : "";
  if (!(await child.status).success) throw new Error(`dyad ${args.join(" ")} failed`);
  return text;
}

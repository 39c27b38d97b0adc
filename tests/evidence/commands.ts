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
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "-R",
      "-W",
      "--allow-ffi",
      fileURLToPath(new URL("cli/main.ts", ROOT)),
      "--quiet",
      ...args,
    ],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`dyad ${args.join(" ")} failed`);
}

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly stdout: Uint8Array;
  /** As text. */
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly stdin?: Uint8Array | string;
  readonly env?: Record<string, string>;
  /** Deno's permissions for the program. Default: read everything, write everything. */
  readonly permissions?: readonly string[];
}

/** The command line that runs dyad in a process of its own. */
export function dyadCommand(argv: readonly string[], permissions: readonly string[] = ["-R", "-W"]): string[] {
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-prompt",
    "--no-check",
    ...permissions,
    `${ROOT}cli/main.ts`,
    ...argv,
  ];
}

/** Runs dyad as a shell would, without a terminal. */
export async function dyad(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { cwd, stdin, env, permissions } = options;
  const [program, ...args] = dyadCommand(argv, permissions);
  const child = new Deno.Command(program, {
    args,
    cwd,
    env,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin);
    await writer.close();
  }
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout, out: text(stdout), err: text(stderr) };
}

/** Runs dyad and expects this exit code and a standard error that the pattern matches. */
export async function expectFailure(
  code: number,
  pattern: RegExp,
  argv: readonly string[],
  options?: RunOptions,
): Promise<Outcome> {
  const outcome = await dyad(argv, options);
  assert.equal(outcome.code, code, `${argv.join(" ")}: ${outcome.err}`);
  assert.match(outcome.err, pattern);
  assert.doesNotMatch(outcome.err, /^ +at /m, "no stack trace");
  assert.equal(outcome.out, "");
  return outcome;
}

export async function expectSuccess(argv: readonly string[], options?: RunOptions): Promise<Outcome> {
  const outcome = await dyad(argv, options);
  assert.equal(outcome.code, 0, `${argv.join(" ")}: ${outcome.err}`);
  return outcome;
}

/** Runs `work` in a new folder that is taken away after it. */
export async function inNewFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "dyad-" }));
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Names in a folder, sorted. */
export function namesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
}

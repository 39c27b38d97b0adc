import { inputError, usageError } from "../lib/format/error.ts";
import { fileError } from "./file_error.ts";
import { StagedFile } from "./staged_file.ts";
import { type Terminal, writeStdout } from "./terminal.ts";
import { writeTogether } from "./write_together.ts";

export const STREAM = "-";

/** How errors and reports call a file. */
export function displayName(path: string, stream: "input" | "output" = "input"): string {
  return path === STREAM ? `(standard ${stream})` : path;
}

/** @throws DyadError (input) naming the file. "-" is standard input. */
export function readBytes(path: string): Uint8Array {
  try {
    return path === STREAM ? readStdin() : Deno.readFileSync(path);
  } catch (error) {
    throw fileError(displayName(path), "read", error);
  }
}

/** UTF-8 text. @throws DyadError (input) naming the file. */
export function readText(path: string): string {
  return decodeText(readBytes(path), displayName(path));
}

/** @throws DyadError (input) naming the file for bytes that are not UTF-8. */
export function decodeText(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw inputError(`${where}: is not UTF-8 text`, { cause: error });
  }
}

let isStdinRead = false;

function readStdin(): Uint8Array {
  if (isStdinRead) throw usageError('standard input can be read once; give "-" for one file only');
  isStdinRead = true;
  const chunks: Uint8Array[] = [];
  const buffer = new Uint8Array(1 << 16);
  for (let count = Deno.stdin.readSync(buffer); count !== null; count = Deno.stdin.readSync(buffer)) {
    chunks.push(buffer.slice(0, count));
  }
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/** `x.dyad.json` has `x.dyad.safetensors` beside it. */
export function companionPath(path: string): string {
  return path.replace(/\.json$/i, "") + ".safetensors";
}

/** Where an artefact goes, checked before the work that makes it. */
export interface ArtefactTarget {
  /** For reports. */
  readonly name: string;
  /** Name of the file that goes with it. */
  readonly companion?: string;
  /** Writes the files whole or not at all; the companion is in place before the artefact. */
  write(content: string | Uint8Array, companion?: Uint8Array): Promise<void>;
  /** The artefact piece by piece, whole or not at all too, but on standard output. */
  open(): Promise<PieceWriter>;
}

/** What is written as it comes. */
export interface PieceWriter {
  write(bytes: Uint8Array): void;
  /** Everything has been written: puts the file in its place. */
  close(): Promise<void>;
  /** Leaves nothing behind of a file that has not been closed. */
  discard(): void;
}

export interface TargetOptions {
  /** The artefact has a second file, of tensors. */
  readonly hasCompanion?: boolean;
  /** The artefact is not text, and should not land on a terminal. */
  readonly isBinary?: boolean;
}

/**
 * The target that `--output` and `--tensors` name.
 * @throws DyadError: (usage) when standard output is asked to hold more than one thing; (input) for a folder that does
 * not exist.
 */
export function artefactTarget(
  { output = STREAM, tensors }: { readonly output?: string; readonly tensors?: string },
  terminal: Pick<Terminal, "json">,
  { hasCompanion = false, isBinary = false }: TargetOptions = {},
): ArtefactTarget {
  const isStream = output === STREAM;
  if (isStream && terminal.json) {
    throw usageError("--json prints the report on standard output, so the artefact needs -o FILE");
  }
  if (isStream && isBinary && Deno.stdout.isTerminal()) {
    throw usageError("the output is binary and would go to the terminal; give -o FILE, or a pipe");
  }
  if (isStream && hasCompanion && tensors === undefined) {
    throw usageError("the artefact has two files; give -o FILE, or --tensors FILE for the tensors alone");
  }
  if (tensors === STREAM) throw usageError("the tensors cannot go to standard output; give --tensors a file");
  const companion = hasCompanion ? tensors ?? companionPath(output) : undefined;
  if (companion !== undefined && companion === output) {
    throw usageError(`the JSON and the tensors would both go to ${output}; give --tensors another file`);
  }
  for (const path of [output, companion]) if (path !== undefined && path !== STREAM) checkTarget(path);
  return {
    name: displayName(output, "output"),
    companion,
    async write(content, tensorsContent) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      const files = companion === undefined ? [] : [{ path: companion, bytes: tensorsContent! }];
      if (!isStream) files.push({ path: output, bytes });
      await writeTogether(files);
      if (isStream) writeStdout(bytes);
    },
    async open() {
      if (isStream) return { write: writeStdout, close: () => Promise.resolve(), discard() {} };
      const file = await StagedFile.open(output);
      return {
        write: (bytes) => file.write(bytes),
        async close() {
          await file.finish();
          await file.commit();
        },
        discard: () => file.discard(),
      };
    },
  };
}

/** Writes one file whole or not at all, or to standard output for "-". */
export async function writeFile(path: string, content: string | Uint8Array): Promise<void> {
  if (path === STREAM) return writeStdout(content);
  await writeTogether([{ path, bytes: typeof content === "string" ? new TextEncoder().encode(content) : content }]);
}

/** Finds out before long work, not after it, that a file cannot be written. */
function checkTarget(path: string): void {
  const existing = statIfThere(path, path);
  if (existing?.isDirectory) throw inputError(`cannot write ${path}: is a folder, expected a file`);
  if (existing !== undefined) return;
  const folder = parentOf(path);
  const parent = statIfThere(folder, path);
  if (parent === undefined) throw inputError(`cannot write ${path}: there is no folder ${folder}; make it first`);
  if (!parent.isDirectory) throw inputError(`cannot write ${path}: ${folder} is not a folder`);
  try {
    Deno.removeSync(Deno.makeTempFileSync({ dir: folder }));
  } catch (error) {
    throw fileError(path, "write", error);
  }
}

function statIfThere(path: string, target: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError(target, "write", error);
  }
}

/** The folder that a path lies in, "." for a bare name. */
export function parentOf(path: string): string {
  const end = Math.max(path.lastIndexOf("/"), Deno.build.os === "windows" ? path.lastIndexOf("\\") : -1);
  return end < 0 ? "." : end === 0 ? path.slice(0, 1) : path.slice(0, end);
}

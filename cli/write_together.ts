import { inputError } from "../lib/format/error.ts";
import { fileError } from "./file_error.ts";
import { END_SIGNALS } from "./signals.ts";

export interface FileContent {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Writes files whole or not at all: each to a temporary file beside its target, all synced to disk, then renamed in
 * order, so that whoever sees the last sees the others. On an error or a signal the temporary files are removed.
 * @throws DyadError (input) naming the file that could not be written.
 */
export async function writeTogether(files: readonly FileContent[]): Promise<void> {
  const staged = new Set<string>();
  const remove = (): void => {
    for (const path of staged) removeIfThere(path);
  };
  const listeners = Array.from(END_SIGNALS, ([signal, code]) => {
    const listener = (): void => {
      remove();
      Deno.exit(code);
    };
    Deno.addSignalListener(signal, listener);
    return [signal, listener] as const;
  });
  try {
    const renames: (() => Promise<void>)[] = [];
    for (const { path, bytes } of files) {
      const rename = await stage(path, bytes, staged).catch((error) => {
        throw fileError(path, "write", error);
      });
      renames.push(rename);
    }
    for (const [i, rename] of renames.entries()) {
      await rename().catch((error) => {
        throw fileError(files[i].path, "write", error);
      });
    }
  } finally {
    remove();
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  }
}

/** Writes the temporary file and returns what puts it in place. */
async function stage(path: string, bytes: Uint8Array, staged: Set<string>): Promise<() => Promise<void>> {
  const existing = await statIfThere(path);
  if (existing?.isDirectory) throw inputError(`cannot write ${path}: is a folder, expected a file`);
  if (existing !== undefined && !existing.isFile) {
    return () => Deno.writeFile(path, bytes); // a device or a pipe, which cannot be replaced
  }
  const target = existing === undefined ? path : await Deno.realPath(path);
  const temporary = `${target}.tmp-${Deno.pid}`;
  staged.add(temporary);
  const file = await Deno.open(temporary, { write: true, create: true, truncate: true });
  try {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
    await file.sync();
  } finally {
    file.close();
  }
  if (existing?.mode != null && Deno.build.os !== "windows") await Deno.chmod(temporary, existing.mode & 0o777);
  return async () => {
    await Deno.rename(temporary, target);
    staged.delete(temporary);
  };
}

async function statIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was never made, or its folder is gone: nothing is left behind either way.
  }
}

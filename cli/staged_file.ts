import { inputError } from "../lib/format/error.ts";
import { fileError } from "./file_error.ts";
import { END_SIGNALS } from "./signals.ts";

/** Temporary files that a signal removes. */
const staged = new Set<string>();

const listeners = Array.from(END_SIGNALS, ([signal, code]) => {
  const listener = (): void => {
    for (const path of staged) removeIfThere(path);
    Deno.exit(code);
  };
  return [signal, listener] as const;
});

/** Where a file lies until it is whole, and where it belongs. */
interface Place {
  readonly file: Deno.FsFile;
  readonly temporary: string;
  readonly target: string;
  /** Of the file that it replaces. */
  readonly mode?: number;
}

/**
 * A file that is written piece by piece beside its target and put in its place once it is whole. Without that, and after a
 * signal, nothing of it is left.
 */
export class StagedFile {
  private constructor(
    private readonly path: string,
    /** Undefined for a device or a pipe, which cannot be replaced: it is given everything when it is its turn. */
    private readonly place: Place | undefined,
  ) {}

  #isClosed = false;
  readonly #pieces: Uint8Array[] = [];

  /** @throws DyadError (input) naming a file that cannot be written. */
  static async open(path: string): Promise<StagedFile> {
    return await naming(path, async () => {
      const existing = await statIfThere(path);
      if (existing?.isDirectory) throw inputError(`cannot write ${path}: is a folder, expected a file`);
      if (existing !== undefined && !existing.isFile) {
        return new StagedFile(path, undefined);
      }
      const target = existing === undefined ? path : await Deno.realPath(path);
      const temporary = `${target}.tmp-${Deno.pid}`;
      keep(temporary);
      try {
        const file = await Deno.open(temporary, { write: true, create: true, truncate: true });
        return new StagedFile(path, { file, temporary, target, mode: existing?.mode ?? undefined });
      } catch (error) {
        forget(temporary);
        throw error;
      }
    });
  }

  /** @throws DyadError (input) naming the file. */
  write(bytes: Uint8Array): void {
    if (this.place === undefined) return void this.#pieces.push(bytes.slice());
    try {
      for (let rest = bytes; rest.length > 0;) rest = rest.subarray(this.place.file.writeSync(rest));
    } catch (error) {
      throw fileError(this.path, "write", error);
    }
  }

  /** Syncs what was written to disk; nothing more is written. @throws DyadError (input) naming the file. */
  async finish(): Promise<void> {
    await naming(this.path, async () => {
      if (this.place === undefined) return;
      const { file, temporary, mode } = this.place;
      await file.sync();
      if (mode !== undefined && Deno.build.os !== "windows") await Deno.chmod(temporary, mode & 0o777);
    });
  }

  /** Puts a file that is finished in place. @throws DyadError (input) naming the file. */
  async commit(): Promise<void> {
    await naming(this.path, async () => {
      if (this.place === undefined) return await this.#writePieces();
      this.#close();
      await Deno.rename(this.place.temporary, this.place.target);
      forget(this.place.temporary);
    });
  }

  /** Removes what is not in place; may follow anything. */
  discard(): void {
    this.#close();
    if (this.place === undefined || !staged.has(this.place.temporary)) return;
    removeIfThere(this.place.temporary);
    forget(this.place.temporary);
  }

  async #writePieces(): Promise<void> {
    using file = await Deno.open(this.path, { write: true });
    for (const piece of this.#pieces) {
      for (let rest = piece; rest.length > 0;) rest = rest.subarray(await file.write(rest));
    }
  }

  #close(): void {
    if (!this.#isClosed) this.place?.file.close();
    this.#isClosed = true;
  }
}

function keep(path: string): void {
  if (staged.size === 0) { for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener); }
  staged.add(path);
}

function forget(path: string): void {
  staged.delete(path);
  if (staged.size === 0) { for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener); }
}

async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileError(path, "write", error);
  }
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

import { encodeJournalHeader, encodeRecord, type JournalSource, readJournal } from "../lib/sensitivity/journal.ts";
import type { SensitivityRecord } from "../lib/sensitivity/record.ts";
import { fileError } from "./file_error.ts";
import { writeFile } from "./files.ts";

/** The journal of a measurement beside its artefact, from which an interrupted run goes on. */
export class JournalFile {
  #isClosed = false;

  private constructor(
    readonly path: string,
    private readonly file: Deno.FsFile,
    /** The units of work that an earlier run of the same measurement finished. */
    readonly records: readonly SensitivityRecord[],
    /** What keeps the records of an earlier run from being used. */
    readonly changes: readonly string[],
  ) {}

  /** Opens the journal, or begins one; what an earlier run left cut off is taken out. */
  static async open(path: string, source: JournalSource): Promise<JournalFile> {
    const text = readIfThere(path);
    const { records, changes } = text === undefined ? { records: [], changes: [] } : readJournal(text, source);
    await writeFile(path, encodeJournalHeader(source) + records.map(encodeRecord).join(""));
    return new JournalFile(path, attempt(path, () => Deno.openSync(path, { append: true })), records, changes);
  }

  append(record: SensitivityRecord): void {
    attempt(this.path, () => {
      let rest = new TextEncoder().encode(encodeRecord(record));
      while (rest.length > 0) rest = rest.subarray(this.file.writeSync(rest));
    });
  }

  close(): void {
    if (!this.#isClosed) this.file.close();
    this.#isClosed = true;
  }

  /** Closes it and takes the file away: there is nothing to go on with. */
  remove(): void {
    this.close();
    attempt(this.path, () => Deno.removeSync(this.path));
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError(path, "read", error);
  }
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw fileError(path, "write", error);
  }
}

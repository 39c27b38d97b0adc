import { StagedFile } from "./staged_file.ts";

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
  const staged: StagedFile[] = [];
  try {
    for (const { path, bytes } of files) {
      const file = await StagedFile.open(path);
      staged.push(file);
      file.write(bytes);
      await file.finish();
    }
    for (const file of staged) await file.commit();
  } finally {
    for (const file of staged) file.discard();
  }
}

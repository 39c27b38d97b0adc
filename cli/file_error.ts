import { type DyadError, inputError } from "../lib/format/error.ts";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "is a folder, expected a file",
  ENOTDIR: "a part of the path is a file, expected a folder",
  ENOSPC: "no space left on the device",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "the path goes round in symbolic links",
  EIO: "the device failed",
};

/** What went wrong with a file, as an error for the user; anything else is returned as it is. */
export function fileError(path: string, action: "read" | "write", error: unknown): DyadError | unknown {
  const where = action === "read" ? path : `cannot write ${path}`;
  if (error instanceof Deno.errors.NotCapable) {
    const flag = /--allow-[a-z]+/.exec(error.message)?.[0] ?? `--allow-${action}`; // for devices it is --allow-all
    return inputError(`${where}: Deno was not allowed to ${action} it; give deno ${flag}`, { cause: error });
  }
  if (!(error instanceof Error) || error instanceof Deno.errors.BrokenPipe) return error;
  const code = "code" in error ? String(error.code) : "";
  if (Object.hasOwn(REASONS, code)) return inputError(`${where}: ${REASONS[code]}`, { cause: error });
  const isSystemError = code !== "" || Object.values(Deno.errors).some((kind) => error instanceof kind);
  return isSystemError ? inputError(`${where}: ${error.message}`, { cause: error }) : error;
}

import { type ArtefactCodec, type ArtefactHeader, decodeArtefact, type FileReference } from "../lib/format/artefact.ts";
import type { DataFile } from "../lib/format/data_file.ts";
import { inputError, usageError } from "../lib/format/error.ts";
import { sha256 } from "../lib/format/hash.ts";
import { type DecodedNetwork, decodeNetwork, NetworkCodec } from "../lib/format/network.ts";
import { companionPath, decodeText, displayName, readBytes, readText, STREAM } from "./files.ts";

/** An artefact that has been read, with what later artefacts record of it. */
export interface Loaded<T> {
  /** The file, as errors and reports call it. */
  readonly name: string;
  readonly content: T & ArtefactHeader;
  readonly sha256: string;
}

/** @throws DyadError (input) naming the file. */
export function loadArtefact<T>(codec: ArtefactCodec<T>, path: string): Loaded<T> {
  const name = displayName(path);
  const text = readText(path);
  return { name, content: decodeArtefact(codec, text, name), sha256: sha256(text) };
}

export interface LoadedNetwork extends DecodedNetwork {
  readonly name: string;
  readonly sha256: string;
}

/**
 * An integer network from its JSON, which has been read, and the tensors beside it, or those that `tensors` names.
 * @throws DyadError (input) naming the file; (usage) for a network on standard input without `tensors`.
 */
export function readNetwork(path: string, bytes: Uint8Array, tensors?: string): LoadedNetwork {
  const name = displayName(path);
  const constants = readConstants(path, bytes, tensors);
  const decoded = decodeNetwork(decodeText(bytes, name), constants.bytes, name, constants.name);
  return { ...decoded, name, sha256: sha256(bytes) };
}

/**
 * The constants of a network whose JSON has been read: the tensors beside it, or those that `tensors` names.
 * @throws as `readNetwork`; a JSON of another kind is what is wrong before a missing file is.
 */
export function readConstants(path: string, json: Uint8Array, tensors?: string): DataFile {
  if (path === STREAM && tensors === undefined) {
    throw usageError("a network on standard input needs --tensors FILE for its constants");
  }
  const constants = tensors ?? companionPath(path);
  try {
    return { name: displayName(constants), bytes: readBytes(constants) };
  } catch (error) {
    const name = displayName(path);
    decodeArtefact(NetworkCodec, decodeText(json, name), name);
    throw error;
  }
}

/** A file with the hash of the model it was made from; undefined when it was written by hand. */
export interface MadeFromModel {
  readonly name: string;
  readonly model: string | undefined;
}

export function modelOf<T>({ name, content }: Loaded<T>): MadeFromModel {
  return { name, model: content.inputs.model?.sha256 };
}

/**
 * Refuses files of different models.
 * @throws DyadError (input) naming both files.
 */
export function requireSameModel(files: readonly MadeFromModel[]): void {
  const [first, ...others] = files.filter(({ model }) => model !== undefined);
  const other = others.find(({ model }) => model !== first.model);
  if (other === undefined) return;
  throw inputError(
    `${first.name} and ${other.name} are of different models, with the hashes ${shortHash(first.model)} and ` +
      `${shortHash(other.model)}; make both from the same model file`,
  );
}

/** The first digits of a hash, for messages. */
export function shortHash(hash: string | undefined): string {
  return hash === undefined ? "none" : `${hash.slice(0, 12)}…`;
}

/** `inputs` of an artefact: what it was made from, by content; what is undefined is left out. */
export function inputsOf(files: Readonly<Record<string, string | undefined>>): Record<string, FileReference> {
  return Object.fromEntries(
    Object.entries(files).flatMap(([name, sha256]) => sha256 === undefined ? [] : [[name, { sha256 }]]),
  );
}

/** `options` of an artefact: what is undefined is left out. */
export function optionsOf(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

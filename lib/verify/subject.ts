import { type ArtefactCodec, type ArtefactHeader, decodeArtefact } from "../format/artefact.ts";
import { CalibrationCodec } from "../format/calibration.ts";
import type { DataFile } from "../format/data_file.ts";
import { inputError } from "../format/error.ts";
import { sha256 } from "../format/hash.ts";
import { LatencyCodec } from "../format/latency.ts";
import { decodeNetwork, type IntegerNetwork } from "../format/network.ts";
import { type Plan, PlanCodec } from "../format/plan.ts";
import type { Preprocess } from "../format/preprocess.ts";
import { decodeSafetensors } from "../format/safetensors.ts";
import { SensitivityCodec } from "../format/sensitivity.ts";
import type { Graph } from "../ir/graph.ts";
import type { DType } from "../tensor/dtype.ts";

/** Artefacts on the way from the model to the network that can be given as further links of the chain. */
export const CHAIN_ROLES = ["calibration", "sensitivity", "latency", "plan"] as const;
export type ChainRole = (typeof CHAIN_ROLES)[number];

/** A file of the pipeline: its content by hash, and the hashes that it states of what it was made from. */
export interface ChainFile {
  readonly role: ChainRole | "network" | "model";
  /** As reports name it. */
  readonly name: string;
  readonly sha256: string;
  readonly inputs: ArtefactHeader["inputs"];
}

/** What is verified: a network, the float model that it claims to come from, and the files between them. */
export interface Subject {
  readonly network: IntegerNetwork;
  /** The network's file, as errors and reports name it. */
  readonly name: string;
  /** Whether the network's file carries the hash of its own content. */
  readonly sealed: boolean;
  /** Element types of the stored constants, by name. */
  readonly constants: ReadonlyMap<string, DType>;
  readonly constantsSha256?: string;
  /** The canonical float graph. */
  readonly graph: Graph;
  /** The network, the model, and the artefacts that were given. */
  readonly files: readonly ChainFile[];
  readonly plan?: Plan;
  /** How pixels become the input, as the network or else the calibration records it. */
  readonly preprocess?: Preprocess;
}

export interface SubjectFiles {
  readonly network: DataFile;
  readonly constants: DataFile;
  /** The canonical float graph of a model file, and the hash of the file. */
  readonly model: { readonly name: string; readonly sha256: string; readonly graph: Graph };
  readonly artefacts?: Readonly<Partial<Record<ChainRole, DataFile>>>;
}

/**
 * Reads what is to be verified.
 * @throws DyadError (input) for files that are damaged, edited, or of another kind.
 */
export function openSubject({ network: json, constants, model, artefacts = {} }: SubjectFiles): Subject {
  const text = textOf(json);
  const { network, header } = decodeNetwork(text, constants.bytes, json.name, constants.name);
  const stored = decodeSafetensors(constants.bytes, constants.name).tensors;
  const files: ChainFile[] = [
    { role: "network", name: json.name, sha256: sha256(text), inputs: header.inputs },
    { role: "model", name: model.name, sha256: model.sha256, inputs: {} },
  ];
  function open<T>(role: ChainRole, codec: ArtefactCodec<T>): T | undefined {
    const file = artefacts[role];
    if (file === undefined) return undefined;
    const content = textOf(file);
    const artefact = decodeArtefact(codec, content, file.name);
    files.push({ role, name: file.name, sha256: sha256(content), inputs: artefact.inputs });
    return artefact;
  }
  const calibration = open("calibration", CalibrationCodec);
  open("sensitivity", SensitivityCodec);
  open("latency", LatencyCodec);
  const plan = open("plan", PlanCodec);
  return {
    network,
    name: json.name,
    sealed: header.integrity !== undefined,
    constants: new Map(Array.from(stored, ([name, { dtype }]) => [name, dtype])),
    constantsSha256: sha256(constants.bytes),
    graph: model.graph,
    files,
    plan,
    preprocess: network.input.preprocess ?? calibration?.preprocess,
  };
}

function textOf({ bytes, name }: DataFile): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw inputError(`${name}: is not UTF-8 text, expected a dyad artefact`, { cause: error });
  }
}

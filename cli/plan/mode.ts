import { type ArtefactHeader, DYAD_VERSION, encodeArtefact, type FileReference } from "../../lib/format/artefact.ts";
import { DyadError } from "../../lib/format/error.ts";
import type { Latency } from "../../lib/format/latency.ts";
import { type Plan, PlanCodec } from "../../lib/format/plan.ts";
import type { Sensitivity } from "../../lib/format/sensitivity.ts";
import type { PlanOptions } from "../../lib/plan/make_problem.ts";
import type { Loaded } from "../artefacts.ts";
import type { ArtefactTarget } from "../files.ts";
import { planBlocks } from "../plan_report.ts";
import type { Block, Report } from "../report.ts";
import type { Terminal } from "../terminal.ts";
import type { PlanFlagKey, PlanFlags } from "./flags.ts";

/** What a mode works with: tables read, targets checked. */
export interface PlanRequest {
  readonly flags: PlanFlags;
  readonly terminal: Terminal;
  readonly target: ArtefactTarget;
  readonly sensitivity: Loaded<Sensitivity>;
  readonly latency?: Loaded<Latency>;
  readonly options: PlanOptions;
  /** Of the artefact. */
  readonly header: Header;
}

export interface Header {
  readonly inputs: Record<string, FileReference>;
  readonly options: Record<string, unknown>;
}

/** One way to come by a plan, or by several. */
export interface PlanMode {
  /** The flag that asks for it; undefined for the mode without such a flag. */
  readonly flag?: PlanFlagKey;
  /** Why other flags have no meaning with it, after "which". */
  readonly purpose: string;
  /** Flags that it reads, its own and `output` aside. */
  readonly takes: readonly PlanFlagKey[];
  /** Whether plans are quantized and run, so that model, calibration and data must be given. */
  readonly needsData?: boolean;
  /** @throws DyadError (usage) for flags whose values do not go together. */
  check?(flags: PlanFlags): void;
  run(request: PlanRequest): Promise<Report>;
}

/** That no plan fits is said of the table. */
export async function naming<T>({ sensitivity }: PlanRequest, plans: Promise<T>): Promise<T> {
  try {
    return await plans;
  } catch (error) {
    if (!(error instanceof DyadError) || error.kind !== "infeasible") throw error;
    throw new DyadError(error.kind, `${sensitivity.name}: ${error.message}`, { cause: error });
  }
}

/** Writes one plan, and reports it after `blocks`. */
export async function writePlan(
  { target, header }: PlanRequest,
  plan: Plan,
  blocks: readonly Block[] = [],
): Promise<Report> {
  await target.write(encodeArtefact(PlanCodec, { ...header, ...plan }));
  return { json: { output: target.name, ...plan }, blocks: [...blocks, ...planBlocks(plan, target.name)] };
}

/** A whole plan artefact, to stand in another one. */
export function planArtefact(plan: Plan, header: Header): Plan & ArtefactHeader {
  return { format: PlanCodec.format, version: PlanCodec.version, dyad: DYAD_VERSION, ...header, ...plan };
}

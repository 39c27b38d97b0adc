import { z } from "./schema.ts";
import { AdditivityCodec } from "./additivity.ts";
import type { ArtefactCodec, ArtefactHeader } from "./artefact.ts";
import { CalibrationCodec } from "./calibration.ts";
import { ComparisonCodec } from "./comparison.ts";
import { FrontierCodec } from "./frontier.ts";
import { LatencyCodec } from "./latency.ts";
import { NetworkCodec } from "./network.ts";
import { PartCodec } from "./part.ts";
import { PlanCodec } from "./plan.ts";
import { SensitivityCodec } from "./sensitivity.ts";
import { VerificationCodec } from "./verification.ts";

/** Every kind of artefact, in the order of the pipeline. */
export const CODECS: readonly ArtefactCodec<unknown>[] = [
  CalibrationCodec,
  SensitivityCodec,
  LatencyCodec,
  PlanCodec,
  FrontierCodec,
  ComparisonCodec,
  AdditivityCodec,
  NetworkCodec,
  VerificationCodec,
  PartCodec,
];

const FORMAT_PREFIX = "dyad/";

/** `plan` for `dyad/plan`. */
export function shortFormat({ format }: Pick<ArtefactHeader, "format">): string {
  return format.slice(FORMAT_PREFIX.length);
}

/**
 * The JSON Schema (draft 2020-12) of an artefact as a reader accepts it, so that other programs, editors and people can
 * write it. Short forms for people are in it; what only dyad can check, such as names that must be unique, is not.
 */
export function jsonSchemaOf({ format, version, schema }: ArtefactCodec<unknown>): Record<string, unknown> {
  return { ...z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }), title: `${format} version ${version}` };
}

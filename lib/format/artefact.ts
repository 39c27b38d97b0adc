import { z } from "./schema.ts";
import { inputError } from "./error.ts";
import { sha256 } from "./hash.ts";

/** The version of this program, written into every artefact. */
export const DYAD_VERSION = "0.1.0";

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits").describe("SHA-256, hex");

/** A file that an artefact was made from or stands beside, by content. */
export const FileReference = z.object({ sha256: Sha256 });
export type FileReference = z.infer<typeof FileReference>;

/** What every JSON artefact starts with. */
export interface ArtefactHeader {
  format: string;
  version: number;
  dyad: string;
  inputs: Record<string, FileReference>;
  options: Record<string, unknown>;
  integrity?: string;
}

/**
 * One kind of artefact: its name, the schema of what follows the header in each version, newest last. Readers accept
 * all listed versions and `upgrade` them; writers write the newest.
 */
export interface ArtefactCodec<T> {
  /** For instance `dyad/plan`. */
  readonly format: string;
  readonly version: number;
  /** The whole artefact, header included. */
  readonly schema: z.ZodType<T & ArtefactHeader>;
}

/**
 * Declares an artefact. `body` is the shape of the fields after the header. `inputs` and `options` default to empty, so
 * an artefact can be written by hand with only `format`, `version` and its content.
 */
export function defineArtefact<S extends z.ZodRawShape>(
  format: string,
  version: number,
  body: S,
): ArtefactCodec<z.infer<z.ZodObject<S>>> {
  const schema = z.object({
    format: z.literal(format),
    version: z.literal(version),
    dyad: z.string().default("").describe("version of the program that wrote it; empty when written by hand"),
    inputs: z.record(z.string(), FileReference).default({}).describe("what it was made from"),
    options: z.record(z.string(), z.unknown()).default({}).describe("the options it was made with"),
    integrity: Sha256.optional().describe(
      "hash of the rest of the artefact; an artefact written or edited by hand leaves it out",
    ),
    ...body,
  });
  type Schema = ArtefactCodec<z.infer<z.ZodObject<S>>>["schema"];
  return { format, version, schema: schema as unknown as Schema }; // zod cannot say that a generic shape parses to itself
}

/** What a writer adds itself: format, version, program version and integrity. */
export type ArtefactContent<T> = T & Pick<ArtefactHeader, "inputs" | "options">;

/**
 * The artefact as text: two-space indented JSON whose innermost arrays and leaf objects stay on one line, with a final
 * newline. Equal content gives equal bytes.
 */
export function encodeArtefact<T>(codec: ArtefactCodec<T>, content: ArtefactContent<T>): string {
  const { inputs, options, ...body } = content;
  const artefact = { format: codec.format, version: codec.version, dyad: DYAD_VERSION, inputs, options, ...body };
  const parsed = codec.schema.parse(artefact) as ArtefactHeader;
  delete parsed.integrity;
  return formatJson({ ...parsed, integrity: integrityOf(parsed) }) + "\n";
}

/**
 * Reads an artefact from JSON text. `where` names the file in errors.
 * @throws DyadError (input) for text that is not JSON, another format, a newer version, a wrong field (with its path),
 * or content that does not match its integrity hash.
 */
export function decodeArtefact<T>(codec: ArtefactCodec<T>, text: string, where: string): T & ArtefactHeader {
  const raw = parseJson(text, where);
  const found = describeFormat(raw);
  if (found.format !== codec.format) {
    throw inputError(`${where}: found ${found.text}, expected a ${codec.format} artefact${found.advice ?? ""}`);
  }
  if (typeof found.version === "number" && found.version > codec.version) {
    throw inputError(
      `${where}: found ${codec.format} version ${found.version}, this dyad ${DYAD_VERSION} reads up to version ` +
        `${codec.version}; use a newer dyad, or make the file again with this one`,
    );
  }
  const content = parseBy(codec.schema, raw, `${where}: not a valid ${codec.format} artefact`);
  const header = raw as ArtefactHeader; // the schema has just accepted it
  if (header.integrity !== undefined && header.integrity !== integrityOf(header)) {
    throw inputError(
      `${where}: was edited after dyad wrote it: its content hashes to ${integrityOf(header).slice(0, 12)}…, its ` +
        `"integrity" says ${header.integrity.slice(0, 12)}…; make it again, or delete the "integrity" line if the ` +
        `edit is intended`,
    );
  }
  return content;
}

/**
 * JSON as `schema` reads it. @throws DyadError (input): `message`, and what is wrong with which field.
 */
export function parseBy<T>(schema: z.ZodType<T>, raw: unknown, message: string): T {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const lines = result.error.issues.slice(0, 8).map((issue) => `  ${formatPath(issue.path)}: ${issue.message}`);
  const more = result.error.issues.length - lines.length;
  throw inputError(`${message}\n${lines.join("\n")}${more > 0 ? `\n  and ${more} more` : ""}`);
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw inputError(`${where}: not JSON: ${(error as Error).message}; expected a dyad artefact`);
  }
}

function describeFormat(raw: unknown): { format?: unknown; version?: unknown; text: string; advice?: string } {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return { text: "JSON that is not an object" };
  const { format, version, of, shard } = raw as Record<string, unknown>; // an object, as has just been seen
  if (format === "dyad/part" && typeof shard === "object" && shard !== null && "index" in shard && "count" in shard) {
    const advice = "; put it and the other parts through dyad merge first";
    return { format, version, text: `part ${shard.index}/${shard.count} of a ${of}`, advice };
  }
  if (format === undefined) return { text: 'an object without "format"' };
  return { format, version, text: `format ${JSON.stringify(format)}` };
}

function formatPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "(top level)";
  return path.map((key, i) => typeof key === "number" ? `[${key}]` : (i > 0 ? "." : "") + String(key)).join("");
}

function integrityOf(artefact: ArtefactHeader): string {
  return sha256(canonicalJson({ ...artefact, integrity: undefined }));
}

/** JSON with sorted keys and no white space: what the integrity hash is taken of. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, v]) => v !== undefined).sort(([a], [b]) => a < b ? -1 : 1);
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

const LINE_WIDTH = 120;

function formatJson(value: unknown, indent = ""): string {
  const flat = JSON.stringify(value);
  if (typeof value !== "object" || value === null) return flat;
  const isLeaf = Object.values(value).every((v) => typeof v !== "object" || v === null);
  if (
    Object.keys(value).length === 0 || (isLeaf && (Array.isArray(value) || indent.length + flat.length < LINE_WIDTH))
  ) {
    return flat;
  }
  const inner = indent + "  ";
  if (Array.isArray(value)) {
    return `[\n${value.map((v) => inner + formatJson(v, inner)).join(",\n")}\n${indent}]`;
  }
  const fields = Object.entries(value).filter(([, v]) => v !== undefined);
  return `{\n${
    fields.map(([k, v]) => `${inner}${JSON.stringify(k)}: ${formatJson(v, inner)}`).join(",\n")
  }\n${indent}}`;
}

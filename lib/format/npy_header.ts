import { inputError } from "./error.ts";

export interface NpyHeader {
  /** NumPy's type string, such as `<f4`. */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** First byte of the elements. */
  readonly dataStart: number;
}

const PREFIX_BYTES = 8; // magic and version
const MAX_HEADER_BYTES = 65_536;
const MAX_RANK = 64; // NumPy's own limit

/**
 * The header of a .npy file that is known to start with the magic string: a Python dictionary literal with exactly the
 * keys descr, fortran_order and shape. Its length takes 2 bytes in version 1 and 4 bytes in versions 2 and 3.
 * @throws DyadError (input) naming `where`.
 */
export function readNpyHeader(bytes: Uint8Array, where: string): NpyHeader {
  const version = bytes[6];
  if (bytes.length < PREFIX_BYTES || version < 1 || version > 3) {
    throw inputError(`${where}: found .npy format version ${version ?? "nothing"}, expected 1, 2 or 3`);
  }
  const textStart = PREFIX_BYTES + (version === 1 ? 2 : 4);
  if (bytes.length < textStart) throw inputError(`${where}: the file ends inside its header; it is cut short`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = version === 1 ? view.getUint16(PREFIX_BYTES, true) : view.getUint32(PREFIX_BYTES, true);
  const dataStart = textStart + length;
  if (length > MAX_HEADER_BYTES) {
    throw inputError(`${where}: found a header of ${length} bytes, expected at most ${MAX_HEADER_BYTES}`);
  }
  if (dataStart > bytes.length) {
    throw inputError(`${where}: found a header up to byte ${dataStart} in a file of ${bytes.length}; it is cut short`);
  }
  const text = new TextDecoder(version === 3 ? "utf-8" : "latin1").decode(bytes.subarray(textStart, dataStart));
  return { ...parseDictionary(text, where), dataStart };
}

// One `key: value` of the dictionary. Each alternative of the value is linear: no input makes the match slow.
const FIELD = /\s*(['"])(\w+)\1\s*:\s*('[^']*'|"[^"]*"|True|False|\([\d\sL,]*\))\s*(,|(?=\}))/y;

function parseDictionary(text: string, where: string): Omit<NpyHeader, "dataStart"> {
  const body = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  if (body === undefined) {
    throw inputError(`${where}: found the header ${excerpt(text)}, expected a dictionary in braces`);
  }
  const fields = new Map<string, string>();
  const source = `${body.trim()}}`;
  FIELD.lastIndex = 0;
  let position = 0;
  while (position < source.length - 1) {
    const match = FIELD.exec(source);
    if (match === null) {
      const isRecord = /'descr'\s*:\s*\[/.test(source);
      throw inputError(
        isRecord
          ? `${where}: found records of several fields, expected a plain array; save each field by itself`
          : `${where}: cannot read the header at ${excerpt(source.slice(position))}`,
      );
    }
    if (fields.has(match[2])) throw inputError(`${where}: found '${match[2]}' twice in the header`);
    fields.set(match[2], match[3]);
    position = FIELD.lastIndex;
  }
  const descr = /^['"](.*)['"]$/s.exec(fields.get("descr") ?? "")?.[1];
  const order = fields.get("fortran_order");
  const shape = parseShape(fields.get("shape") ?? "");
  if (fields.size !== 3 || descr === undefined || shape === undefined || (order !== "True" && order !== "False")) {
    throw inputError(
      `${where}: found the header ${excerpt(text)}, expected 'descr' (text), 'fortran_order' (True or False) and ` +
        `'shape' (whole numbers)`,
    );
  }
  return { descr, fortranOrder: order === "True", shape };
}

/** `()`, `(3,)`, `(2, 3)`, and `(2L, 3L)` as Python 2 wrote it. */
function parseShape(text: string): number[] | undefined {
  const inner = /^\((.*)\)$/s.exec(text)?.[1].trim();
  if (inner === undefined) return undefined;
  if (inner === "") return [];
  const items = inner.split(",").map((item) => item.trim());
  if (items.length > 1 && items.at(-1) === "") items.pop();
  if (items.length > MAX_RANK || !items.every((item) => /^\d{1,16}L?$/.test(item))) return undefined;
  return items.map((item) => parseInt(item, 10));
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

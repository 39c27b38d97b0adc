import { encode, type Form, littleEndian, readForm } from "./encode.ts";
import { type InstructionName, INSTRUCTIONS } from "./instructions.ts";
import type { OPERAND_KINDS, OperandKindName, OperandOf } from "./operand_kinds.ts";
import type { Label, Operand } from "./operands.ts";

/** Operands of these kinds, as a tuple. */
type Operands<Kinds extends readonly OperandKindName[]> = {
  -readonly [I in keyof Kinds]: OperandOf<(typeof OPERAND_KINDS)[Kinds[I]]>;
};

type OperandsOfRow<Row, Name> = Row extends
  readonly [Name, infer Kinds extends readonly OperandKindName[], string, string] ? Operands<Kinds>
  : never;

/** The operands that an instruction takes, in the order of Intel's syntax: destination first. */
export type OperandsOf<Name extends InstructionName> = OperandsOfRow<(typeof INSTRUCTIONS)[number], Name>;

const FORMS = new Map<string, Form[]>();
for (const row of INSTRUCTIONS) {
  FORMS.set(row[0], [...FORMS.get(row[0]) ?? [], readForm(row)]);
}

/** The instructions of a piece of code in order: the name of each, and the byte where it ends. */
export interface Listing {
  readonly names: readonly InstructionName[];
  readonly ends: readonly number[];
}

const LISTINGS = new WeakMap<Uint8Array, Listing>();

/** What the assembler put into this piece of code; undefined for bytes that no assembler finished. */
export function listingOf(code: Uint8Array): Listing | undefined {
  return LISTINGS.get(code);
}

/** Machine code under construction, instruction by instruction. */
export class Assembler {
  readonly #code: number[] = [];
  readonly #names: InstructionName[] = [];
  readonly #ends: number[] = [];
  readonly #bound = new Map<Label, number>();
  readonly #jumps: { readonly end: number; readonly target: Label }[] = [];

  /**
   * Appends an instruction, operands in the order of Intel's syntax.
   * @throws {RangeError} for operands that no form of the instruction takes.
   */
  emit<Name extends InstructionName>(name: Name, ...operands: OperandsOf<Name>): this {
    for (const form of FORMS.get(name) ?? []) {
      const encoded = encode(form, operands);
      if (encoded === undefined) continue;
      for (const byte of encoded.bytes) this.#code.push(byte);
      this.#names.push(name);
      this.#ends.push(this.#code.length);
      if (encoded.target !== undefined) this.#jumps.push({ end: this.#code.length, target: encoded.target });
      return this;
    }
    throw new RangeError(notEncodable(name, operands));
  }

  /** A place to jump to, bound later. */
  label(): Label {
    return { kind: "label" };
  }

  /**
   * Makes the label mean the next instruction.
   * @throws {RangeError} for a label that is bound already.
   */
  bind(label: Label): this {
    if (this.#bound.has(label)) throw new RangeError("a label is bound twice");
    this.#bound.set(label, this.#code.length);
    return this;
  }

  /**
   * The code, position-independent.
   * @throws {RangeError} when a jump goes to a label that was never bound.
   */
  finish(): Uint8Array<ArrayBuffer> {
    const code = Uint8Array.from(this.#code);
    for (const { end, target } of this.#jumps) {
      const position = this.#bound.get(target);
      if (position === undefined) {
        throw new RangeError(`the jump that ends at byte ${end} goes to a label that is not bound`);
      }
      code.set(littleEndian(position - end, 4), end - 4);
    }
    LISTINGS.set(code, { names: [...this.#names], ends: [...this.#ends] });
    return code;
  }
}

function notEncodable(name: InstructionName, operands: readonly Operand[]): string {
  const forms = INSTRUCTIONS.filter((row) => row[0] === name).map(([, kinds]) => `${name} ${kinds.join(", ")}`.trim());
  return `${name} ${operands.map(describe).join(", ")} cannot be encoded: there is ${forms.join("; ")}`;
}

/** A short text of the operand for messages. */
function describe(operand: Operand): string {
  if (typeof operand !== "object") return String(operand);
  const masking = "masking" in operand && operand.masking !== undefined
    ? `{k${operand.masking.register.number}}${operand.masking.zeroing ? "{z}" : ""}`
    : "";
  switch (operand.kind) {
    case "label":
      return "label";
    case "general":
      return `r${operand.bits}:${operand.number}`;
    case "mask":
      return `k${operand.number}`;
    case "tile":
      return `tmm${operand.number}`;
    case "vector":
      return `v${operand.bits}:${operand.number}${masking}`;
    case "memory":
      return `m${operand.broadcast ? " broadcast" : ""}${masking}`;
  }
}

import { usageError } from "../lib/format/error.ts";
import { type CandidateBits, parseCandidateName } from "../lib/format/plan.ts";

/** What a piece of text on the command line may be. */
export interface ValueType<T> {
  /** @throws DyadError (usage) that says what was found and what is expected; the flag is named by the caller. */
  parse(text: string): T;
  /** All values, where they are few. */
  readonly choices?: readonly string[];
  /** Whether a shell should complete file names. */
  readonly isFile?: boolean;
  /** What becomes of the file, where it is not only read. A replaceable one is read, and may be the output too. */
  readonly fate?: "written" | "replaceable";
}

/** How many texts a positional argument takes: one, at most one, or all that are left, at least one. */
export type PositionalCount = "one" | "optional" | "many";

/** A positional argument. */
export interface Positional<T> {
  readonly description: string;
  readonly value: ValueType<unknown>;
  readonly count: PositionalCount;
  /** The texts given, in order: none when the argument is absent. */
  read(texts: readonly string[]): T;
}

/** A flag, with the type of what it comes to. */
export interface Flag<T> {
  /** As help shows it: `--limit <n>`, `-o, --output <file>`, `--per-tensor`. */
  readonly syntax: string;
  readonly description: string;
  /** Undefined for a switch, which takes no value. */
  readonly value?: ValueType<unknown>;
  /** The texts given, in order: none when the flag is absent, "" for a switch. */
  read(texts: readonly string[]): T;
}

export function positional<T>(description: string, value: ValueType<T>): Positional<T> {
  return { description, value, count: "one", read: ([text]) => value.parse(text) };
}

export function optionalPositional<T>(description: string, value: ValueType<T>): Positional<T | undefined> {
  return {
    description,
    value,
    count: "optional",
    read: ([text]) => text === undefined ? undefined : value.parse(text),
  };
}

/** All arguments that are left, at least one; only the last positional of a command can be this. */
export function manyPositionals<T>(description: string, value: ValueType<T>): Positional<readonly T[]> {
  return { description, value, count: "many", read: (texts) => texts.map((text) => value.parse(text)) };
}

export function switchFlag(syntax: string, description: string): Flag<boolean> {
  return { syntax, description, read: (texts) => texts.length > 0 };
}

/** Undefined when absent; of several the last counts. */
export function optionalFlag<T>(syntax: string, description: string, value: ValueType<T>): Flag<T | undefined> {
  return { syntax, description, value, read: (texts) => texts.length === 0 ? undefined : value.parse(texts.at(-1)!) };
}

export function requiredFlag<T>(syntax: string, description: string, value: ValueType<T>): Flag<T> {
  return {
    syntax,
    description: `${description} (required)`,
    value,
    read(texts) {
      if (texts.length === 0) throw usageError("is required");
      return value.parse(texts.at(-1)!);
    },
  };
}

/** `fallback` is written as a user would. */
export function defaultFlag<T>(syntax: string, description: string, value: ValueType<T>, fallback: string): Flag<T> {
  const read = (texts: readonly string[]): T => value.parse(texts.at(-1) ?? fallback);
  return { syntax, description: `${description} (default: ${fallback})`, value, read };
}

/** May be given several times. */
export function repeatedFlag<T>(syntax: string, description: string, value: ValueType<T>): Flag<readonly T[]> {
  return { syntax, description: `${description} (repeatable)`, value, read: (texts) => texts.map(value.parse) };
}

/** `--output` of `-o, --output <file>`. */
export function longName({ syntax }: Pick<Flag<unknown>, "syntax">): string {
  const name = /--[a-z0-9-]+/.exec(syntax)?.[0];
  if (name === undefined) throw new Error(`the flag ${syntax} has no long name`);
  return name;
}

export const TEXT: ValueType<string> = { parse: (text) => text };

/** A file or folder; "-" is standard input or output. */
export const FILE: ValueType<string> = {
  parse(text) {
    if (text === "") throw usageError('found an empty file name, expected a path, or "-"');
    return text;
  },
  isFile: true,
};

/** A file that is written, which no file that is read may be. */
export const OUTPUT_FILE: ValueType<string> = { ...FILE, fate: "written" };

/** A file that is read, and may be what the output replaces. */
export const REPLACEABLE_FILE: ValueType<string> = { ...FILE, fate: "replaceable" };

export const POSITIVE_INTEGER: ValueType<number> = {
  parse: (text) => readInteger(text, 1, Number.MAX_SAFE_INTEGER, "a positive whole number"),
};

export const COUNT: ValueType<number> = {
  parse: (text) => readInteger(text, 0, Number.MAX_SAFE_INTEGER, "a whole number"),
};

/** A seed: equal seeds give equal results. */
export const SEED: ValueType<number> = {
  parse: (text) => readInteger(text, 0, 2 ** 32 - 1, "a whole number from 0 to 4294967295"),
};

export const NUMBER: ValueType<number> = { parse: (text) => readNumber(text, "a number") };

/** `0.485,0.456,0.406` */
export const NUMBERS: ValueType<readonly number[]> = {
  parse: (text) =>
    text.split(",").map((part) => readNumber(part, "numbers with commas between them, like 0.5,0.5,0.5")),
};

/** Height and width: `224x224`. */
export const HEIGHT_BY_WIDTH: ValueType<readonly [number, number]> = {
  parse(text) {
    const match = /^(\d{1,9})x(\d{1,9})$/i.exec(text.trim());
    if (match === null) throw usageError(`found ${JSON.stringify(text)}, expected HEIGHTxWIDTH, like 224x224`);
    return [Number(match[1]), Number(match[2])];
  },
};

/** A shape by the name of an input: `input=1x3x224x224` or `input=1,3,224,224`. */
export const NAMED_SHAPE: ValueType<readonly [name: string, shape: readonly number[]]> = {
  parse(text) {
    const match = /^(.+)=(\d{1,9}(?:[x,]\d{1,9})*)$/.exec(text);
    if (match === null) throw usageError(`found ${JSON.stringify(text)}, expected NAME=SHAPE, like input=1x3x224x224`);
    return [match[1], match[2].split(/[x,]/).map(Number)];
  },
};

export function oneOf<const T extends string>(choices: readonly T[]): ValueType<T> {
  return {
    choices,
    parse(text) {
      const found = choices.find((choice) => choice === text);
      if (found === undefined) {
        const expected = `${choices.length > 2 ? "one of " : ""}${choices.join(choices.length > 2 ? ", " : " or ")}`;
        throw usageError(`found ${JSON.stringify(text)}, expected ${expected}`);
      }
      return found;
    },
  };
}

/** Bits of weights and activations: `4/8`, `4` for `4/4`, `codes3/8`, or `8/codes2`. */
export const BITS: ValueType<CandidateBits> = {
  parse(text) {
    const bits = parseCandidateName(text);
    if (bits === undefined) {
      throw usageError(
        `found ${
          JSON.stringify(text)
        }, expected WEIGHTS/ACTIVATIONS in bits, like 4/8, 4 for 4/4, codes3/8 or 8/codes2 (1 to 4 codes)`,
      );
    }
    return bits;
  },
};

/** Several values with commas between them: `4/8,4/4`. */
export function listOf<T>(value: ValueType<T>): ValueType<readonly T[]> {
  return { choices: value.choices, parse: (text) => text.split(",").map((part) => value.parse(part.trim())) };
}

function readInteger(text: string, low: number, high: number, expected: string): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : NaN;
  if (!(value >= low && value <= high)) throw usageError(`found ${JSON.stringify(text)}, expected ${expected}`);
  return value;
}

function readNumber(text: string, expected: string): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(value)) throw usageError(`found ${JSON.stringify(text)}, expected ${expected}`);
  return value;
}

import { usageError } from "../format/error.ts";
import type { LimitKind, PlanConstraint } from "../format/plan.ts";
import { add, type Decimal, formatDecimal, multiply, parseDecimal, subtract, toNumber, unitsOf } from "./decimal.ts";

/**
 * A limit as a person writes it: an amount in the unit of its kind, a percentage of what the all-8-bit network uses, or
 * a fraction f between the all-4-bit and the all-8-bit network (HAWQ-V3, arXiv 2011.10680):
 *
 *     limit = all4 + f (all8 - all4)
 */
export interface Limit {
  readonly form: "amount" | "percent" | "between";
  readonly value: Decimal;
}

interface KindOfLimit {
  /** Unit of the plan's constraint. */
  readonly unit: PlanConstraint["unit"];
  /** Accepted units of an amount, read in any case, in terms of `unit`. */
  readonly units: Readonly<Record<string, Decimal>>;
  /** Those that texts are written in, the largest first. */
  readonly shown: readonly string[];
  readonly example: string;
}

const decimal = (coefficient: bigint, exponent = 0): Decimal => ({ coefficient, exponent });

/** Units and examples by kind of limit; help texts derive from it. */
export const LIMITS: Readonly<Record<LimitKind, KindOfLimit>> = {
  size: {
    unit: "bytes",
    units: {
      B: decimal(1n),
      kB: decimal(1n, 3),
      MB: decimal(1n, 6),
      GB: decimal(1n, 9),
      KiB: decimal(2n ** 10n),
      MiB: decimal(2n ** 20n),
      GiB: decimal(2n ** 30n),
    },
    shown: ["GiB", "MiB", "KiB", "B"],
    example: "6.65MiB",
  },
  bops: {
    unit: "BOPS",
    units: { "": decimal(1n), k: decimal(1n, 3), M: decimal(1n, 6), G: decimal(1n, 9), T: decimal(1n, 12) },
    shown: ["T", "G", "M", "k", ""],
    example: "47.5G",
  },
  latency: {
    unit: "ms",
    units: { us: decimal(1n, -3), "µs": decimal(1n, -3), ms: decimal(1n), s: decimal(1n, 3) },
    shown: ["ms", "us"],
    example: "4.2ms",
  },
  "weight-bits": { unit: "bits per weight", units: { "": decimal(1n), bits: decimal(1n) }, shown: [""], example: "3" },
};

/**
 * Reads "6.65MiB", "47.5G", "4.2ms", "3", "60%", "between:0.5".
 * @throws DyadError (usage) that names the limit and the accepted forms.
 */
export function parseLimit(kind: LimitKind, text: string): Limit {
  const trimmed = text.trim();
  const between = /^between:(.*)$/i.exec(trimmed);
  const [, digits, suffix] = /^(.*?)\s*(%|[a-zµ]*)$/i.exec(between?.[1] ?? trimmed) ?? [];
  const value = parseDecimal(digits ?? "");
  if (value === undefined || value.coefficient < 0n) throw badLimit(kind, text);
  if (between !== null) {
    if (suffix !== "" || toNumber(value) > 1) throw badLimit(kind, text);
    return { form: "between", value };
  }
  if (suffix === "%") return { form: "percent", value };
  const unit = Object.entries(LIMITS[kind].units).find(([name]) => name.toLowerCase() === suffix.toLowerCase());
  if (unit === undefined) throw badLimit(kind, text);
  return { form: "amount", value: multiply(value, unit[1]) };
}

function badLimit(kind: LimitKind, text: string): Error {
  const units = Object.keys(LIMITS[kind].units).filter((unit) => unit !== "");
  return usageError(
    `the limit on ${kind} is ${JSON.stringify(text)}, expected an amount (${LIMITS[kind].example}` +
      `${units.length === 0 ? "" : `; units ${units.join(", ")}`}), a percentage of all-8-bit (60%), or a fraction ` +
      `from all-4-bit to all-8-bit (between:0.5, from 0 to 1)`,
  );
}

/** The limit in the unit of its kind, exact. */
export function resolveLimit({ form, value }: Limit, all4: Decimal, all8: Decimal): Decimal {
  if (form === "amount") return value;
  if (form === "percent") return multiply(multiply(value, decimal(1n, -2)), all8);
  return add(all4, multiply(value, subtract(all8, all4)));
}

/**
 * An amount for people, in a unit that suits its magnitude, to 6 digits and rounded up, so that the text, given as a
 * limit, admits the amount.
 */
export function formatAmount(kind: LimitKind, amount: Decimal): string {
  const { shown, units } = LIMITS[kind];
  const suffix = shown.find((name) => subtract(amount, units[name]).coefficient >= 0n) ?? shown[shown.length - 1];
  return roundedUp(amount, units[suffix]) + suffix;
}

/** amount / factor, rounded up to a number of significant digits of at most 15. */
export function roundedUp(amount: Decimal, factor: Decimal, significant = 6): string {
  const estimate = toNumber(amount) / toNumber(factor);
  if (estimate === 0) return "0";
  const exponent = Math.floor(Math.log10(estimate)) + 1 - significant;
  let digits = BigInt(Math.floor(estimate / 10 ** exponent)) - 2n;
  const isShort = (coefficient: bigint): boolean =>
    subtract(multiply(decimal(coefficient, exponent), factor), amount).coefficient < 0n;
  while (isShort(digits)) digits++;
  return formatDecimal(decimal(digits, exponent));
}

/** An amount in percent of all-8-bit, rounded up to a tenth; `all8` is not 0. */
export function formatPercent(amount: Decimal, all8: Decimal): string {
  const unit = Math.min(amount.exponent, all8.exponent);
  const [numerator, denominator] = [unitsOf(amount, unit) * 1000n, unitsOf(all8, unit)];
  return `${formatDecimal(decimal((numerator + denominator - 1n) / denominator, -1))}%`;
}

/**
 * A decimal number, coefficient * 10^exponent, exact. Tables and limits are decimals that people and tools wrote; sums
 * of them are compared with limits exactly, where sums of binary floats would depend on the order of the layers.
 */
export interface Decimal {
  readonly coefficient: bigint;
  readonly exponent: number;
}

/** Reads "12", "-0.5", "4.2e-3"; undefined for other text. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole, fraction = "", power = "0"] = match;
  if (whole + fraction === "") return undefined;
  const magnitude = BigInt(whole + fraction);
  return { coefficient: sign === "-" ? -magnitude : magnitude, exponent: Number(power) - fraction.length };
}

/** The shortest decimal that reads back as this (finite) number: what a JSON file shows. */
export function decimalOf(value: number): Decimal {
  const decimal = parseDecimal(String(value));
  if (decimal === undefined) throw new RangeError(`${value} is not a decimal number`);
  return decimal;
}

export function integerDecimal(value: bigint): Decimal {
  return { coefficient: value, exponent: 0 };
}

export function add(a: Decimal, b: Decimal): Decimal {
  const exponent = Math.min(a.exponent, b.exponent);
  return { coefficient: unitsOf(a, exponent) + unitsOf(b, exponent), exponent };
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  return add(a, { coefficient: -b.coefficient, exponent: b.exponent });
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { coefficient: a.coefficient * b.coefficient, exponent: a.exponent + b.exponent };
}

/** `value` in units of 10^exponent, rounded down. */
export function unitsOf({ coefficient, exponent }: Decimal, unit: number): bigint {
  if (exponent >= unit) return coefficient * 10n ** BigInt(exponent - unit);
  const divisor = 10n ** BigInt(unit - exponent);
  const quotient = coefficient / divisor;
  return quotient * divisor > coefficient ? quotient - 1n : quotient;
}

/** The nearest binary float. */
export function toNumber({ coefficient, exponent }: Decimal): number {
  return Number(`${coefficient}e${exponent}`);
}

/** All digits, without an exponent and without trailing zeros: "0.00161158911". */
export function formatDecimal({ coefficient, exponent }: Decimal): string {
  const sign = coefficient < 0n ? "-" : "";
  const digits = (coefficient < 0n ? -coefficient : coefficient).toString();
  if (exponent >= 0) return sign + (coefficient === 0n ? "0" : digits + "0".repeat(exponent));
  const padded = digits.padStart(1 - exponent, "0");
  const fraction = padded.slice(exponent).replace(/0+$/, "");
  return sign + padded.slice(0, exponent) + (fraction === "" ? "" : "." + fraction);
}

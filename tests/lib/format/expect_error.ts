import assert from "node:assert/strict";
import { DyadError, type ErrorKind } from "../../../lib/format/error.ts";

/** Runs `action` and asserts that it throws a DyadError of this kind whose message matches every pattern. */
export function expectError(kind: ErrorKind, action: () => unknown, ...patterns: (RegExp | string)[]): void {
  assert.throws(action, (error: unknown) => isExpected(error, kind, patterns));
}

/** `expectError` of work that ends later. */
export async function expectRejection(
  kind: ErrorKind,
  work: Promise<unknown>,
  ...patterns: (RegExp | string)[]
): Promise<void> {
  await assert.rejects(work, (error: unknown) => isExpected(error, kind, patterns));
}

function isExpected(error: unknown, kind: ErrorKind, patterns: readonly (RegExp | string)[]): true {
  assert.ok(error instanceof DyadError, `expected a DyadError, found ${error}`);
  assert.equal(error.kind, kind);
  for (const pattern of patterns) {
    if (typeof pattern === "string") assert.ok(error.message.includes(pattern), `${error.message}\nlacks ${pattern}`);
    else assert.match(error.message, pattern);
  }
  return true;
}

/** Runs `action` and asserts that it returns or throws a DyadError, nothing else. */
export function returnsOrInputError(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof DyadError)) throw error;
    assert.equal(error.kind, "input");
  }
}

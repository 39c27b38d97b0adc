import assert from "node:assert/strict";
import { ACTIVATION_TABLE_LENGTH, activationTable, interpolate } from "../../../lib/arith/activation_table.ts";

const LOGISTIC = activationTable((x) => 1 / (1 + Math.exp(-x)));
const HYPERBOLIC_TANGENT = activationTable(Math.tanh);

Deno.test("tables hold rounded values, clamped to int16", () => {
  assert.equal(LOGISTIC.length, ACTIVATION_TABLE_LENGTH);
  assert.equal(LOGISTIC[256], 2 ** 14);
  assert.equal(HYPERBOLIC_TANGENT[256], 0);
  assert.equal(HYPERBOLIC_TANGENT[256 + 32], Math.round(2 ** 15 * Math.tanh(1)));
  assert.deepEqual([HYPERBOLIC_TANGENT[0], HYPERBOLIC_TANGENT[512]], [-32768, 32767]);
  assert.deepEqual([...activationTable((x) => x * 1e9)].slice(255, 258), [-32768, 0, 32767]);
});

Deno.test("on its entries a table is exact, between them it lies on the line, halves up", () => {
  const table = new Int16Array(ACTIVATION_TABLE_LENGTH);
  table[256] = 5;
  table[257] = 6;
  table[512] = -32768;
  table[511] = 32767;
  assert.equal(interpolate(table, 0), 5);
  assert.equal(interpolate(table, 63), 5);
  assert.equal(interpolate(table, 64), 6);
  assert.equal(interpolate(table, -64), 3);
  assert.equal(interpolate(table, 32767), 32767 + Math.floor((-65535 * 127 + 64) / 128));
  assert.equal(interpolate(table, -32768), 0);
});

Deno.test("sigma and tanh of every int16 are within four units of 2^-15, and never decrease", () => {
  for (
    const [table, exact] of [[LOGISTIC, (x: number) => 1 / (1 + Math.exp(-x))], [
      HYPERBOLIC_TANGENT,
      Math.tanh,
    ]] as const
  ) {
    let last = -Infinity;
    for (let argument = -32768; argument < 32768; argument++) {
      const value = interpolate(table, argument);
      const error = Math.abs(value - 2 ** 15 * exact(argument / 4096));
      assert(error < 4, `${argument}: ${error}`);
      assert(value >= last, `${argument}`);
      last = value;
    }
  }
});

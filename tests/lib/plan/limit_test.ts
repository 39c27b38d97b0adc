import assert from "node:assert/strict";
import fc from "fast-check";
import { LIMIT_KINDS } from "../../../lib/format/plan.ts";
import {
  add,
  type Decimal,
  decimalOf,
  formatDecimal,
  multiply,
  parseDecimal,
  subtract,
  toNumber,
  unitsOf,
} from "../../../lib/plan/decimal.ts";
import { formatAmount, formatPercent, LIMITS, parseLimit, resolveLimit } from "../../../lib/plan/limit.ts";
import { matchesPattern, suggestion } from "../../../lib/plan/names.ts";

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const positive = fc.double({ min: 1e-3, max: 1e15, noNaN: true });

Deno.test("a decimal of a float reads back as the float", () => {
  fc.assert(fc.property(finite, (x) => {
    assert.equal(toNumber(decimalOf(x)), x === 0 ? 0 : x);
    assert.equal(Number(formatDecimal(decimalOf(x))), x === 0 ? 0 : x);
  }));
});

Deno.test("decimal arithmetic is exact", () => {
  const d = (text: string): Decimal => parseDecimal(text)!;
  assert.equal(formatDecimal(add(d("0.1"), d("0.2"))), "0.3");
  assert.equal(formatDecimal(subtract(d("1e3"), d("0.001"))), "999.999");
  assert.equal(formatDecimal(multiply(d("0.06857826"), d("0.0235"))), "0.00161158911");
  assert.equal(unitsOf(d("-1.5"), 0), -2n);
  assert.equal(unitsOf(d("1.5"), -2), 150n);
  assert.equal(formatDecimal(d("-0.050")), "-0.05");
  for (const text of ["", ".", "1,5", "0x10", "1e", "Infinity", "--1"]) {
    assert.equal(parseDecimal(text), undefined, text);
  }
});

Deno.test("limits in their units", () => {
  const amount = (kind: typeof LIMIT_KINDS[number], text: string) => formatDecimal(parseLimit(kind, text).value);
  assert.equal(amount("size", "6.65MB"), "6650000");
  assert.equal(amount("size", "0.5 MiB"), "524288");
  assert.equal(amount("size", "1e3b"), "1000");
  assert.equal(amount("bops", "47.5G"), "47500000000");
  assert.equal(amount("bops", "12"), "12");
  assert.equal(amount("latency", "4.2ms"), "4.2");
  assert.equal(amount("latency", "350us"), "0.35");
  assert.equal(amount("latency", "0.01s"), "10");
  assert.equal(amount("weight-bits", "3.5"), "3.5");
  assert.deepEqual(parseLimit("size", "60 %"), { form: "percent", value: decimalOf(60) });
  assert.deepEqual(parseLimit("bops", "between:0.5"), { form: "between", value: decimalOf(0.5) });
  for (const text of ["", "6.65", "-1MB", "6.65 MBit", "MB", "between:2", "between:", "between:50%", "%", "toString"]) {
    assert.throws(() => parseLimit("size", text), { kind: "usage" }, text);
  }
});

Deno.test("a limit between all-4-bit and all-8-bit", () => {
  const resolved = resolveLimit(parseLimit("latency", "between:0.25"), decimalOf(3.148672), decimalOf(5.343687));
  assert.equal(formatDecimal(resolved), "3.69742575");
  assert.equal(formatDecimal(resolveLimit(parseLimit("size", "12.5%"), decimalOf(4), decimalOf(8))), "1");
});

Deno.test("amounts in texts admit themselves when given as a limit, and little more", () => {
  for (const kind of LIMIT_KINDS) {
    fc.assert(fc.property(positive, (x) => {
      const amount = decimalOf(x);
      const shown = parseLimit(kind, formatAmount(kind, amount)).value;
      assert.ok(subtract(shown, amount).coefficient >= 0n);
      assert.ok(toNumber(shown) <= x * (1 + 1.1e-5));
      assert.ok(Object.hasOwn(LIMITS[kind].units, LIMITS[kind].shown[0]));
      const percent = parseLimit(kind, formatPercent(amount, decimalOf(7.7)));
      assert.ok(subtract(resolveLimit(percent, decimalOf(0), decimalOf(7.7)), amount).coefficient >= 0n);
    }));
  }
});

Deno.test("patterns and suggestions", () => {
  assert.ok(matchesPattern("/layers/layers.3/conv1/Conv", "/layers/*/conv1/*"));
  assert.ok(!matchesPattern("layersX3", "layers.3"));
  assert.ok(matchesPattern("a+b (c)[d]", "a+b (c)[d]"));
  assert.ok(matchesPattern("two\nlines", "*"));
  assert.equal(suggestion("Conv2", ["conv1", "fc"]), '; did you mean "conv1"?');
  assert.equal(suggestion("zzzzzzz", ["a", "b"]), '; known are "a", "b"');
});

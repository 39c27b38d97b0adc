import assert from "node:assert/strict";
import { methodNamed, optionValue, standardMethods } from "../../../lib/calibrate/method.ts";

Deno.test("the standard methods carry their options in their names", () => {
  assert.deepEqual(standardMethods().map(({ name }) => name), [
    "min-max",
    "moving-average-0.9",
    "percentile-99.9",
    "percentile-99.99",
    "percentile-99.999",
    "entropy",
    "mse",
  ]);
});

Deno.test("every standard method is found by its name", () => {
  for (const method of standardMethods()) assert.deepEqual(methodNamed(method.name), method);
});

Deno.test("a bare name takes options from flags, then defaults", () => {
  assert.equal(methodNamed("percentile").name, "percentile-99.99");
  assert.deepEqual(methodNamed("percentile", { percentile: 99.5, momentum: 0.1 }).options, { percentile: 99.5 });
  assert.equal(methodNamed("moving-average", { momentum: 0.1 }).name, "moving-average-0.1");
  assert.deepEqual(methodNamed("percentile-99.95").options, { percentile: 99.95 });
});

Deno.test("unknown methods and options outside their limits are usage errors", () => {
  assert.throws(() => methodNamed("kl"), { kind: "usage", message: /"kl", expected one of min-max, .*mse/ });
  assert.throws(() => methodNamed("mse-3"), { kind: "usage" });
  assert.throws(() => methodNamed("percentile-"), { kind: "usage", message: /percentile "", expected a number/ });
  assert.throws(() => methodNamed("percentile-101"), { kind: "usage", message: /"101", expected .* from 50 to 100/ });
  assert.throws(() => methodNamed("percentile", { percentile: NaN }), { kind: "usage" });
  const [{ options: [momentum] }] = [methodNamed("moving-average").observer];
  assert.equal(optionValue(momentum, "0.5"), 0.5);
  assert.throws(() => optionValue(momentum, "1"), /momentum "1", expected a number from 0 to 0.9999/);
});

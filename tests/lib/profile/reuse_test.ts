import assert from "node:assert/strict";
import { reusableMeasurements } from "../../../lib/profile/reuse.ts";

const measurements = [{ key: "conv", ms: 1, quartiles: [1, 1] as [number, number], rounds: 5 }];
const machine = { processor: "fast", os: "linux", cores: 2, backend: "wasm" };
const table = { dyad: "1.0", machine, measurements };

Deno.test("measurements of the same version, machine and backend are reused, of any other not", () => {
  const found = reusableMeasurements(table, { ...machine }, "1.0");
  assert.deepEqual(found, new Map([["conv", measurements[0]]]));
  const cases = [
    [table, machine, "1.1", "was made by dyad 1.0, this is 1.1"],
    [{ ...table, dyad: "" }, machine, "1.1", "was made by dyad of no known version, this is 1.1"],
    [table, { ...machine, backend: "scalar" }, "1.0", "was measured with backend wasm, here it is scalar"],
    [table, { ...machine, processor: "slow" }, "1.0", "was measured with processor fast, here it is slow"],
    [table, { ...machine, arch: "arm" }, "1.0", "was measured with arch unknown, here it is arm"],
    [{ ...table, machine: { ...machine, gpu: 1 } }, machine, "1.0", "was measured with gpu 1, here it is unknown"],
    [{ ...table, machine: undefined }, machine, "1.0", "holds no measurements"],
    [{ ...table, measurements: undefined }, machine, "1.0", "holds no measurements"],
  ] as const;
  for (const [earlier, here, version, reason] of cases) {
    const { measurements: kept, ...rest } = earlier;
    assert.equal(reusableMeasurements({ ...rest, measurements: kept && [...kept] }, here, version), reason);
  }
});

Deno.test("a processor that one side does not know does not tell machines apart", () => {
  const { processor: _, ...unnamed } = machine;
  assert.ok(reusableMeasurements(table, unnamed, "1.0") instanceof Map);
  assert.ok(reusableMeasurements({ ...table, machine: unnamed }, machine, "1.0") instanceof Map);
});

import assert from "node:assert/strict";
import { BACKENDS, createEngine } from "../../../lib/runtime/engine.ts";
import { networkMemory } from "../../../lib/runtime/network_memory.ts";
import { nativeStatus } from "../../../lib/runtime/native_status.ts";
import { EVERY_KIND } from "../format/every_kind.ts";

const BACKENDS_HERE = BACKENDS.filter((backend) => backend !== "native" || nativeStatus().isAvailable);

Deno.test("a network's memory is that of the engine that runs it", () => {
  for (const backend of BACKENDS_HERE) {
    const { memory } = createEngine(EVERY_KIND, backend);
    const { arenaBytes, lowerBound, scratchBytes } = networkMemory(EVERY_KIND, backend);
    assert.deepEqual({ arenaBytes, lowerBound }, { arenaBytes: memory.arenaBytes, lowerBound: memory.lowerBound });
    assert.equal(scratchBytes > 0, backend !== "scalar", backend);
  }
});

Deno.test("accumulators that go straight into a sum take no memory", () => {
  const fused = createEngine(EVERY_KIND, "wasm");
  const apart = createEngine(EVERY_KIND, "wasm", undefined, { fused: false });
  const { convolution } = fused.schedule.find(({ convolution }) => convolution !== undefined)!;
  const { output } = EVERY_KIND.steps[convolution!];
  assert(apart.memory.offsets.has(output) && !fused.memory.offsets.has(output));
});

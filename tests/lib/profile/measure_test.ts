import assert from "node:assert/strict";
import { measure, type MeasureOptions } from "../../../lib/profile/measure.ts";
import type { TimedNetwork } from "../../../lib/profile/timed_network.ts";

/** A clock that stands still but for what networks take and for its own reading. */
class Time {
  now = 0;

  constructor(readonly readingMs = 0) {}

  readonly clock = (): number => {
    const time = this.now;
    this.now += this.readingMs;
    return time;
  };
}

interface Unit {
  readonly key: string;
  /** Of the n-th run. */
  readonly ms: (run: number) => number;
}

interface FakeNetwork extends TimedNetwork {
  runs: number;
}

function fakeNetwork(time: Time, key: string, units: readonly Unit[]): FakeNetwork {
  const network = {
    key,
    units: units.map((unit) => unit.key),
    runs: 0,
    run(mark?: () => void): void {
      network.runs++;
      for (const { ms } of units) {
        time.now += ms(network.runs);
        mark?.();
      }
    },
  };
  return network;
}

const steadily = (key: string, ms: number): Unit => ({ key, ms: () => ms });

function run(networks: readonly TimedNetwork[], wanted: readonly string[], options: MeasureOptions) {
  const steps = measure(networks, wanted, options);
  while (true) {
    const step = steps.next();
    if (step.done) return step.value;
    assert.ok(step.value.done < step.value.total);
  }
}

Deno.test("units and whole networks, less what the clock takes, in the order in which they are wanted", () => {
  const time = new Time(1 / 64);
  const networks = [
    fakeNetwork(time, "first", [steadily("a", 2), steadily("b", 0.5), steadily("a", 4)]),
    fakeNetwork(time, "second", [steadily("c", 1), steadily("b", 0.5)]),
  ];
  const found = run(networks, ["second", "a", "c", "b", "first"], { clock: time.clock, rounds: 3 });
  assert.deepEqual(found, [
    { key: "second", ms: 1.5, quartiles: [1.5, 1.5], rounds: 3 },
    { key: "a", ms: 3, quartiles: [3, 3], rounds: 3 }, // the mean over its two places
    { key: "c", ms: 1, quartiles: [1, 1], rounds: 3 },
    { key: "b", ms: 0.5, quartiles: [0.5, 0.5], rounds: 3 },
    { key: "first", ms: 6.5, quartiles: [6.5, 6.5], rounds: 3 },
  ]);
});

Deno.test("the median stands where single rounds are disturbed, and the quartiles tell", () => {
  const time = new Time();
  const disturbed = fakeNetwork(time, "network", [{ key: "a", ms: (i) => i % 9 === 0 ? 500 : 1 }]);
  const [steady] = run([disturbed], ["a"], { clock: time.clock, rounds: 45 });
  assert.equal(steady.ms, 1);
  const rising = fakeNetwork(time, "network", [{ key: "a", ms: (i) => i }]);
  const [{ ms, quartiles: [low, high] }] = run([rising], ["a"], { clock: time.clock, rounds: 9 });
  assert.ok(low < ms && ms < high);
  assert.equal(ms - low, high - ms);
});

Deno.test("a machine that slows down meets all networks alike", () => {
  const time = new Time();
  const slowing = () => 1 + time.now / 1e4;
  const networks = ["x", "y", "z"].map((key) => fakeNetwork(time, `${key} whole`, [{ key, ms: slowing }]));
  const found = run(networks, ["x", "y", "z"], { clock: time.clock, rounds: 101 });
  const times = found.map(({ ms }) => ms);
  assert.ok(Math.max(...times) / Math.min(...times) < 1.01, times.join());
  assert.ok(found[0].quartiles[1] > 1.01 * found[0].quartiles[0]);
});

Deno.test("networks that hold nothing still wanted do not run", () => {
  const time = new Time();
  const make = () => [
    fakeNetwork(time, "first", [steadily("a", 1), steadily("b", 1)]),
    fakeNetwork(time, "second", [steadily("a", 1)]),
    fakeNetwork(time, "third", [steadily("a", 1), steadily("c", 1)]),
  ];
  const ran = (wanted: readonly string[]) => {
    const networks = make();
    run(networks, wanted, { clock: time.clock, rounds: 2 });
    return networks.map(({ runs }) => runs > 0);
  };
  assert.deepEqual(ran(["a", "b"]), [true, false, false]);
  assert.deepEqual(ran(["a", "b", "c"]), [true, false, true]);
  assert.deepEqual(ran(["second", "b"]), [true, true, false]);
  assert.deepEqual(ran([]), [false, false, false]);
});

Deno.test("as many rounds as fit, when their number is not given", () => {
  const rounds = (ms: number) => {
    const time = new Time();
    return run([fakeNetwork(time, "n", [steadily("a", ms)])], ["a", "n"], { clock: time.clock })[0].rounds;
  };
  assert.equal(rounds(0.001), 200);
  assert.equal(rounds(1e5), 5);
  assert.equal(rounds(8000 / 3 / 50.5), 50); // three runs a round
});

Deno.test("a network that takes its time apart itself is not asked to read the clock between units", () => {
  const time = new Time(1 / 64);
  const network = { ...fakeNetwork(time, "whole", [steadily("a", 9), steadily("b", 9)]), time: () => [2, 0.5] };
  const found = run([network], ["a", "b"], { clock: time.clock, rounds: 3 });
  assert.deepEqual(found.map(({ key, ms }) => [key, ms]), [["a", 2], ["b", 0.5]]);
});

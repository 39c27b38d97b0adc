import fc from "fast-check";
import type { OnlineCodesProblem } from "../../../lib/arith/online_codes.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { edgeInteger, type KernelCase } from "./values.ts";

/** Vectors about a zero point: of all bytes alike, of few different ones, of most near the zero point, all equal. */
export function randomOnlineCodes(): fc.Arbitrary<KernelCase<OnlineCodesProblem>> {
  return fc.record({
    vectors: fc.integer({ min: 1, max: 3 }),
    length: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 30, max: 400 })),
    bits: fc.integer({ min: 1, max: 4 }),
    zeroPoint: edgeInteger(0, 255),
    limits: fc.constantFrom<readonly [number, number]>([0, 255], [0, 255], [1, 255], [17, 201]),
    kind: fc.constantFrom("alike", "few", "near", "equal"),
    seed: fc.nat(),
  }).map(({ vectors, length, bits, zeroPoint, limits: [low, high], kind, seed }) => {
    const random = seededRandom(seed);
    const byte = (): number => random.integer(0, 255);
    const choice = Array.from({ length: kind === "equal" ? 1 : 1 + random.integer(1, 5) }, byte);
    const near = (): number => Math.round(zeroPoint + (byte() - byte()) * (byte() / 255) ** 3);
    const draw = { alike: byte, few: () => choice[random.integer(0, choice.length - 1)], near, equal: () => choice[0] };
    const value = draw[kind as keyof typeof draw]; // one of its keys, by the list above
    return {
      problem: { kind: "online_codes" as const, vectors, length, bits, zeroPoint, low, high },
      inputs: [Uint8ClampedArray.from({ length: vectors * length }, value)].map((values) => new Uint8Array(values)),
      output: new Uint8Array(vectors * length),
    };
  });
}

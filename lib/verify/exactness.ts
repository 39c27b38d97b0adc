import { createHash, type Hash } from "node:crypto";
import type { IntegerNetwork, NetworkTensor } from "../format/network.ts";
import type { Difference } from "../format/verification.ts";
import type { IntegerArray } from "../runtime/engine.ts";
import { allocate, bytesOfArray, type TypedArray } from "../tensor/dtype.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import { tensor, toActivationOrder } from "../tensor/tensor.ts";

/** What the outputs of one step were over all images compared. */
export interface StepExactness {
  /** Integers per image. */
  readonly elements: number;
  readonly differing: number;
  /** Of the integers of the tier under test, little-endian, image after image in memory order. */
  readonly sha256: string;
}

export interface Exactness {
  readonly images: number;
  readonly inputSha256: string;
  /** In the order of the network's steps. */
  readonly steps: readonly StepExactness[];
  /** Of the earliest image, there of the earliest step, there of the lowest index. */
  readonly first?: Difference;
}

/** Compares what two engines compute at every step, integer by integer, and hashes what the first computes. */
export class ExactnessMeter {
  readonly #input: NetworkTensor;
  readonly #outputs: readonly NetworkTensor[];
  /** Outputs of the tier under test for the current image. */
  readonly #held: readonly IntegerArray[];
  readonly #hashes: readonly Hash[];
  readonly #inputHash = createHash("sha256");
  readonly #differing: number[];
  #images = 0;
  #first?: Difference;

  constructor(private readonly network: IntegerNetwork) {
    this.#input = network.tensors.get(network.input.tensor)!;
    this.#outputs = network.steps.map(({ output }) => network.tensors.get(output)!);
    this.#held = this.#outputs.map(({ dtype, shape }) => allocate(dtype, sizeOf(shape)));
    this.#hashes = network.steps.map(() => createHash("sha256"));
    this.#differing = network.steps.map(() => 0);
  }

  /** A new image, its integers in ONNX order. */
  begin(input: ArrayLike<number>): void {
    const { dtype, shape } = this.#input;
    const integers = allocate(dtype, input.length);
    integers.set(input);
    this.#inputHash.update(bytesOfArray(toActivationOrder(tensor(dtype, shape, integers))));
    this.#images++;
  }

  /** What the tier under test computed at a step of the image. */
  record(step: number, output: IntegerArray): void {
    this.#held[step].set(output);
    this.#hashes[step].update(bytesOfArray(this.#held[step] satisfies TypedArray));
  }

  /** What the reference computed at the same step of the same image. */
  compare(step: number, reference: IntegerArray): void {
    const found = this.#held[step];
    let differing = 0;
    for (let i = 0; i < reference.length; i++) {
      if (found[i] === reference[i]) continue;
      if (differing === 0) this.#first ??= this.#difference(step, i, reference[i], found[i]);
      differing++;
    }
    this.#differing[step] += differing;
  }

  result(): Exactness {
    return {
      images: this.#images,
      inputSha256: this.#inputHash.copy().digest("hex"),
      steps: this.#outputs.map(({ shape }, i) => ({
        elements: sizeOf(shape),
        differing: this.#differing[i],
        sha256: this.#hashes[i].copy().digest("hex"),
      })),
      first: this.#first,
    };
  }

  #difference(step: number, element: number, reference: number, found: number): Difference {
    const { name, shape } = this.#outputs[step];
    const image = this.#images - 1;
    const position = describePosition(shape, element);
    return { step: this.network.steps[step].name, tensor: name, image, element, position, reference, found };
  }
}

/** The place of an element given in memory order: `channel 3, row 0, column 5` of images, an index by axis otherwise. */
function describePosition(shape: Shape, element: number): string {
  if (shape.length === 4) {
    const [, channels, , width] = shape;
    const pixel = Math.floor(element / channels);
    return `channel ${element % channels}, row ${Math.floor(pixel / width)}, column ${pixel % width}`;
  }
  let rest = element;
  const index = shape.toReversed().map((extent) => {
    const at = rest % extent;
    rest = Math.floor(rest / extent);
    return at;
  });
  return `[${index.reverse().join(", ")}]`;
}

import { createHash, type Hash } from "node:crypto";
import type { IntegerNetwork, NetworkTensor } from "../format/network.ts";
import type { Difference } from "../format/verification.ts";
import type { IntegerArray } from "../runtime/engine.ts";
import { allocate, bytesOfArray } from "../tensor/dtype.ts";
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
  /** Of outputs of the network, run without looking at its steps. */
  readonly whole: { readonly elements: number; readonly differing: number };
  /** Of the earliest image, there of the earliest step, there of the lowest index. */
  readonly first?: Difference;
}

/** Where two engines differ first for one image: the earliest step, there the lowest index. */
interface FirstDifference {
  readonly step: number;
  readonly element: number;
  readonly reference: number;
  readonly found: number;
}

/** What two engines computed for one image, as data alone; integers in memory order. */
export interface ImageExactness {
  readonly input: IntegerArray;
  /** Of the tier under test, by step. */
  readonly outputs: readonly IntegerArray[];
  /** How many of them differ. */
  readonly differing: readonly number[];
  readonly first?: FirstDifference;
  /** How many of the network's outputs differ when it runs as one. */
  readonly wholeDiffering: number;
}

/** Compares what two engines compute at every step for one image, integer by integer. */
export class ImageComparison {
  readonly #input: IntegerArray;
  readonly #outputs: IntegerArray[] = [];
  readonly #differing: number[] = [];
  #first?: FirstDifference;
  #wholeDiffering = 0;

  /** `input`: the image's integers in ONNX order. */
  constructor(network: IntegerNetwork, input: ArrayLike<number>) {
    const { dtype, shape } = network.tensors.get(network.input.tensor)!;
    const integers = allocate(dtype, input.length);
    integers.set(input);
    this.#input = toActivationOrder(tensor(dtype, shape, integers));
  }

  /** What the tier under test computed at the next step. */
  record(output: IntegerArray): void {
    this.#outputs.push(output.slice());
  }

  /** What the reference computed at a step that was recorded; steps in order. */
  compare(step: number, reference: IntegerArray): void {
    const found = this.#outputs[step];
    let differing = 0;
    for (let i = 0; i < reference.length; i++) {
      if (found[i] === reference[i]) continue;
      if (differing === 0) this.#first ??= { step, element: i, reference: reference[i], found: found[i] };
      differing++;
    }
    this.#differing.push(differing);
  }

  /** The network's outputs, of the tier under test and of the reference. */
  compareWhole(output: IntegerArray, reference: IntegerArray): void {
    for (let i = 0; i < reference.length; i++) if (output[i] !== reference[i]) this.#wholeDiffering++;
  }

  result(): ImageExactness {
    return {
      input: this.#input,
      outputs: this.#outputs,
      differing: this.#differing,
      first: this.#first,
      wholeDiffering: this.#wholeDiffering,
    };
  }
}

/** Sums up what images gave, one after the other in their order. */
export class ExactnessSum {
  readonly #outputs: readonly NetworkTensor[];
  readonly #hashes: readonly Hash[];
  readonly #inputHash = createHash("sha256");
  readonly #differing: number[];
  #wholeDiffering = 0;
  #images = 0;
  #first?: Difference;

  constructor(private readonly network: IntegerNetwork) {
    this.#outputs = network.steps.map(({ output }) => network.tensors.get(output)!);
    this.#hashes = network.steps.map(() => createHash("sha256"));
    this.#differing = network.steps.map(() => 0);
  }

  add({ input, outputs, differing, first, wholeDiffering }: ImageExactness): void {
    this.#inputHash.update(bytesOfArray(input));
    outputs.forEach((output, step) => this.#hashes[step].update(bytesOfArray(output)));
    differing.forEach((count, step) => this.#differing[step] += count);
    if (first !== undefined) this.#first ??= this.#difference(first);
    this.#wholeDiffering += wholeDiffering;
    this.#images++;
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
      whole: {
        elements: sizeOf(this.network.tensors.get(this.network.output.tensor)!.shape),
        differing: this.#wholeDiffering,
      },
    };
  }

  #difference({ step, element, reference, found }: FirstDifference): Difference {
    const { name, shape } = this.#outputs[step];
    const position = describePosition(shape, element);
    return {
      step: this.network.steps[step].name,
      tensor: name,
      image: this.#images,
      element,
      position,
      reference,
      found,
    };
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

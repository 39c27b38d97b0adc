import type { IntegerNetwork } from "../format/network.ts";
import type { Graph } from "../ir/graph.ts";
import type { Refusal } from "./claim.ts";
import { type Exactness, ExactnessSum } from "./exactness.ts";
import { compareInterfaces, type ImageRecord } from "./image_record.ts";
import { comparisonsOf, NoiseSum, type StepNoise } from "./layer_noise.ts";

/** The choices of both networks, compared with each other and with the labels. */
export interface Choices {
  readonly images: number;
  /** Of each image, or of a stream of each token. */
  readonly choices: number;
  /** Those for which both networks choose the same class. */
  readonly agreeing: number;
  /** Correct choices; undefined without labels. */
  readonly correct?: { readonly float: number; readonly integer: number };
  /** Of a stream of tokens. */
  readonly perplexity?: { readonly tokens: number; readonly float: number; readonly integer: number };
}

/** Whatever the claims need of running every image. */
export interface Measurement {
  readonly exactness: Exactness;
  readonly accuracy: { readonly choices: Choices; readonly noise: readonly (StepNoise | string)[] } | Refusal;
}

/** Sums up the records of images, one after the other in their order: the sums are the same wherever these come from. */
export class MeasurementSum {
  readonly #exactness: ExactnessSum;
  readonly #noise: NoiseSum | Refusal;
  readonly #correct = { float: 0, integer: 0 };
  #images = 0;
  #choices = 0;
  #agreeing = 0;
  #surprise = { tokens: 0, float: 0, integer: 0 };

  /** `labels`: the classes of the images, if they are known. */
  constructor(network: IntegerNetwork, graph: Graph, private readonly labels: ArrayLike<number> | undefined) {
    this.#exactness = new ExactnessSum(network);
    this.#noise = compareInterfaces(graph, network) ?? new NoiseSum(comparisonsOf(network, graph));
  }

  add({ exactness, accuracy }: ImageRecord): void {
    if (exactness !== undefined) this.#exactness.add(exactness);
    if (accuracy !== undefined && !("refused" in this.#noise)) {
      const { choices, squares, surprise } = accuracy;
      this.#noise.add(squares);
      const label = this.labels?.[this.#images];
      this.#choices += choices.length;
      this.#agreeing += choices.filter(({ float, integer }) => float === integer).length;
      if (surprise !== undefined) {
        this.#surprise.tokens += surprise.tokens;
        this.#surprise.float += surprise.float;
        this.#surprise.integer += surprise.integer;
      }
      const [{ float, integer }] = choices;
      if (float === label) this.#correct.float++;
      if (integer === label) this.#correct.integer++;
    }
    this.#images++;
  }

  result(): Measurement {
    const exactness = this.#exactness.result();
    if ("refused" in this.#noise) return { exactness, accuracy: this.#noise };
    const choices = {
      images: this.#images,
      choices: this.#choices,
      agreeing: this.#agreeing,
      ...(this.labels && { correct: { ...this.#correct } }),
      ...(this.#surprise.tokens > 0 && { perplexity: this.#perplexity() }),
    };
    return { exactness, accuracy: { choices, noise: this.#noise.result() } };
  }

  #perplexity(): NonNullable<Choices["perplexity"]> {
    const { tokens, float, integer } = this.#surprise;
    return { tokens, float: Math.exp(float / tokens), integer: Math.exp(integer / tokens) };
  }
}

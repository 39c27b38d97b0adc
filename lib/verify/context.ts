import type { Dataset } from "../format/dataset.ts";
import { DyadError, usageError } from "../format/error.ts";
import { type Backend, createEngine } from "../runtime/engine.ts";
import type { Refusal } from "./claim.ts";
import type { Engines } from "./image_record.ts";
import type { Measurement } from "./measurement.ts";
import { checkNetworkInput } from "../runtime/network_input.ts";
import type { Subject } from "./subject.ts";

export interface VerifyOptions {
  /** Images to run, the first of the data. Default 256, or all of fewer. */
  readonly limit?: number;
  /** How many of these, the first, are compared with the slow scalar reference. Default all of them. */
  readonly referenceLimit?: number;
  /** Most percentage points of top-1 that the integer network may lose; needs labels. */
  readonly maxDrop?: number;
  /** Least percentage of images for which both networks must choose the same class. */
  readonly minAgreement?: number;
  /** The tier under test. Default wasm. */
  readonly backend?: Backend;
}

export const DEFAULT_LIMIT = 256;

/** All that is known before images run. */
export interface VerifyContext {
  readonly subject: Subject;
  readonly dataset: Dataset;
  readonly options: VerifyOptions;
  readonly backend: Backend;
  /** How many images run, the first of the data. */
  readonly images: number;
  /** How many of these, the first, the reference runs as well. */
  readonly referenceImages: number;
  /** The tier under test and the reference, or why no engine accepts the network. */
  readonly engines: Engines | Refusal;
}

/** What claims look at. */
export interface MeasuredContext extends VerifyContext {
  /** Every image through every network. */
  readonly measurement: Measurement | Refusal;
}

export interface ContextExtras {
  /** Makes the engines; tests put faulty ones in. */
  makeEngines?(subject: Subject, backend: Backend): Engines;
}

/**
 * @throws DyadError (input) for data that the network cannot take; (usage) for options that contradict each other.
 */
export function makeContext(
  subject: Subject,
  dataset: Dataset,
  options: VerifyOptions = {},
  { makeEngines = createEngines }: ContextExtras = {},
): VerifyContext {
  checkOptions(options, dataset);
  checkNetworkInput(subject.network, dataset);
  const { limit = DEFAULT_LIMIT, backend = "wasm" } = options;
  const images = Math.min(limit, dataset.count);
  const referenceImages = backend === "scalar" ? 0 : Math.min(options.referenceLimit ?? images, images);
  const engines = refusable(() => makeEngines(subject, backend));
  return { subject, dataset, options, backend, images, referenceImages, engines };
}

/**
 * Engines are the same object where nothing is fused.
 * @throws DyadError (input) naming the network, for one that is refused.
 */
export function createEngines({ network, name }: Pick<Subject, "network" | "name">, backend: Backend): Engines {
  const tested = createEngine(network, backend, name);
  const fuses = tested.schedule.some(({ convolution }) => convolution !== undefined);
  const stepwise = fuses ? createEngine(network, backend, name, { fused: false }) : tested;
  return { tested, stepwise, reference: createEngine(network, "scalar", name) };
}

function checkOptions(
  { limit = 1, referenceLimit = 1, maxDrop, minAgreement = 0 }: VerifyOptions,
  data: Dataset,
): void {
  for (const [what, value] of Object.entries({ limit, "reference limit": referenceLimit })) {
    if (!(Number.isSafeInteger(value) && value > 0)) {
      throw usageError(`found the ${what} ${value}, expected a positive whole number of images`);
    }
  }
  if (maxDrop !== undefined && !(maxDrop >= 0 && maxDrop <= 100)) {
    throw usageError(`found the largest drop ${maxDrop}, expected percentage points in 0..100`);
  }
  if (!(minAgreement >= 0 && minAgreement <= 100)) {
    throw usageError(`found the least agreement ${minAgreement}, expected a percentage in 0..100`);
  }
  if (maxDrop !== undefined && data.labels === undefined) {
    throw usageError("a largest drop of accuracy needs labels; give them with --labels");
  }
}

/** Runs `make`; that a network is refused is an answer. */
function refusable<T>(make: () => T): T | Refusal {
  try {
    return make();
  } catch (error) {
    if (error instanceof DyadError) return { refused: error.message };
    throw error;
  }
}

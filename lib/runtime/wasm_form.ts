import { READ_SLACK } from "../../kernels/kernel.ts";
import type { ConvolutionProblem } from "../arith/problem.ts";
import { seededRandom } from "../tensor/random.ts";
import { type Backend, LOADERS } from "./backend.ts";

/** The backends that are WebAssembly: the kernels of the first take relaxed instructions where operands allow it. */
const FORMS = ["wasm", "wasm-strict"] as const satisfies readonly Backend[];
export type WasmForm = (typeof FORMS)[number];

/** What both forms took for the same layer, and which one networks run with. */
export interface WasmFormChoice {
  /** Median milliseconds. */
  readonly milliseconds: Readonly<Record<WasmForm, number>>;
  readonly form: WasmForm;
}

/** As many calls as V8 runs in the code of its first compiler, and more. */
const WARM_UP_CALLS = 50;
const TIMED_CALLS = 15;
/** The strict form is taken where it needs less than this part of the other's time: few layers have both. */
const CLEARLY_FASTER = 0.9;

/**
 * Times one layer in both forms, in turn, some milliseconds altogether. Whichever is taken, results have the same bits.
 * `now` gives milliseconds.
 */
export function chooseWasmForm(now: () => number): WasmFormChoice {
  const runs = FORMS.map(layerIn);
  for (let i = 0; i < WARM_UP_CALLS; i++) for (const run of runs) run();
  const times = runs.map((): number[] => []);
  for (let i = 0; i < TIMED_CALLS; i++) {
    runs.forEach((run, form) => {
      const start = now();
      run();
      times[form].push(now() - start);
    });
  }
  const [wasm, strict] = times.map((each) => each.toSorted((a, b) => a - b)[TIMED_CALLS >> 1]);
  return {
    milliseconds: { wasm, "wasm-strict": strict },
    form: strict < CLEARLY_FASTER * wasm ? "wasm-strict" : "wasm",
  };
}

const CHANNELS = 32;
const EXTENT = 14;

/** A layer that has both forms, whose products are of bytes in the first: 3x3 of stride 2, activations of 7 bits. */
export function timedLayer(): ConvolutionProblem {
  const random = seededRandom(1);
  return {
    kind: "convolution",
    window: {
      inputHeight: 2 * EXTENT,
      inputWidth: 2 * EXTENT,
      outputHeight: EXTENT,
      outputWidth: EXTENT,
      kernelHeight: 3,
      kernelWidth: 3,
      strideY: 2,
      strideX: 2,
      dilationY: 1,
      dilationX: 1,
      padTop: 1,
      padLeft: 1,
      padBottom: 1,
      padRight: 1,
    },
    inputChannels: CHANNELS,
    outputChannels: CHANNELS,
    groups: 1,
    inputZeroPoint: 0,
    inputHigh: 127,
    weights: Int8Array.from({ length: CHANNELS * CHANNELS * 9 }, () => random.integer(-127, 127)),
    bias: new Int32Array(CHANNELS),
    output: {
      dtype: "u8",
      zeroPoint: 0,
      low: 0,
      high: 255,
      multipliers: new Int32Array(CHANNELS).fill(2 ** 30),
      shifts: new Uint8Array(CHANNELS).fill(40),
    },
  };
}

function layerIn(form: WasmForm): () => void {
  const outputBytes = EXTENT * EXTENT * CHANNELS;
  const inputBytes = 4 * outputBytes + READ_SLACK;
  const program = LOADERS[form]([timedLayer()], inputBytes + outputBytes, 1).program!; // both forms have a kernel for it
  const [run] = program.link([[{ entry: 0, inputs: [program.arena], output: program.arena + inputBytes }]]);
  return run;
}

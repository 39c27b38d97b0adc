import { inputError } from "../../lib/format/error.ts";
import { fileError } from "../file_error.ts";
import type { VariantTag } from "./files.ts";

interface DemoModelFacts {
  readonly what: string;
  /**
   * Percentage points of top-1 that a network of these bits may lose on the images that verify runs, of which a single
   * one weighs 0.4; none where that is not claimed.
   */
  readonly maxDrop: Readonly<Partial<Record<VariantTag, number>>>;
}

const EASY = { "8bit": 1, mixed: 1.5, "4bit": 2 };

/** The networks that come with the project. */
export const DEMO_MODELS: Readonly<Record<"resnet20" | "mobile" | "inception", DemoModelFacts>> = {
  resnet20: { what: "a ResNet-20", maxDrop: EASY },
  mobile: {
    what: "a small MobileNetV2",
    maxDrop: { ...EASY, "4bit": undefined }, // depthwise layers suffer from 4 bits everywhere: a case for planning
  },
  inception: { what: "a small Inception", maxDrop: EASY },
};

export type DemoModel = keyof typeof DEMO_MODELS;
export const DEMO_MODEL_NAMES = Object.keys(DEMO_MODELS) as DemoModel[];

/** The project's own test data: trained networks, images to calibrate with and images to test with. */
export interface TestData {
  readonly model: string;
  /** The arrays are normalised so. */
  readonly mean: string;
  readonly std: string;
  readonly calibrationImages: string;
  readonly images: string;
  readonly labels: string;
  readonly classes: string;
}

/** @throws DyadError (input) when they are not in `folder`. */
export function findTestData(folder: string, model: DemoModel): TestData {
  const found: TestData = {
    model: `${folder}/models/${model}.onnx`,
    mean: "0.286",
    std: "0.353",
    calibrationImages: `${folder}/data/calib/images.npy`,
    images: `${folder}/data/idx/t10k-images-idx3-ubyte.gz`,
    labels: `${folder}/data/idx/t10k-labels-idx1-ubyte.gz`,
    classes: `${folder}/data/classes.txt`,
  };
  const { mean: _mean, std: _std, ...files } = found;
  for (const path of Object.values(files)) {
    try {
      Deno.statSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw fileError(path, "read", error);
      throw inputError(
        `${path}: there is no such file; the demo needs the project's test data: run it in the project's folder, or ` +
          `name their folder with --testdata`,
      );
    }
  }
  return found;
}

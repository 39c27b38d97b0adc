import { inputError } from "../../lib/format/error.ts";
import { fileError } from "../file_error.ts";

/** The networks that come with the project. */
export const DEMO_MODELS = {
  resnet20: "a ResNet-20",
  mobile: "a MobileNetV2-like network",
  inception: "an Inception-like network",
} as const;

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

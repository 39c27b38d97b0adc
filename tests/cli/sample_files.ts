import { encodeNpy } from "../../lib/format/npy.ts";
import { seededRandom } from "../../lib/tensor/random.ts";
import { tensor } from "../../lib/tensor/tensor.ts";
import { model, smallNetwork } from "../lib/onnx/sample_model.ts";

export const IMAGES = 6;
export const IMAGE_SIZE = 16;

/** `model.onnx` (4x4 pixels to 3 classes), `images.npy`, `labels.npy` and `classes.txt` in a folder. */
export function writeSampleFiles(folder: string): void {
  const random = seededRandom(1);
  const pixels = Uint8Array.from({ length: IMAGES * IMAGE_SIZE }, () => random.integer(0, 255));
  Deno.writeFileSync(`${folder}/model.onnx`, model(smallNetwork()));
  Deno.writeFileSync(`${folder}/images.npy`, encodeNpy(tensor("u8", [IMAGES, 1, 4, 4], pixels)));
  Deno.writeFileSync(`${folder}/labels.npy`, encodeNpy(tensor("u8", [IMAGES], Uint8Array.of(0, 1, 2, 0, 1, 2))));
  Deno.writeTextFileSync(`${folder}/classes.txt`, "cat\ndog\nemu\n");
}

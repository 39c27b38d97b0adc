import type { PixelDataset } from "../lib/format/dataset.ts";
import { inputError } from "../lib/format/error.ts";
import { sha256 } from "../lib/format/hash.ts";
import { toPlanes } from "../lib/format/pixels.ts";
import type { Preprocess } from "../lib/format/preprocess.ts";
import { formatShape, type Shape } from "../lib/tensor/shape.ts";
import { displayName, STREAM } from "./files.ts";

/**
 * Raw uint8 frames of `size` bytes from a stream, each as soon as it is complete.
 * @throws DyadError (input) when the stream ends inside a frame.
 */
export async function* readFrames(stream: ReadableStream<Uint8Array>, size: number): AsyncGenerator<Uint8Array, void> {
  let frame = new Uint8Array(size);
  let filled = 0;
  let count = 0;
  for await (let chunk of stream) {
    while (chunk.length > 0) {
      const part = chunk.subarray(0, size - filled);
      frame.set(part, filled);
      filled += part.length;
      chunk = chunk.subarray(part.length);
      if (filled < size) continue;
      yield frame;
      frame = new Uint8Array(size);
      filled = 0;
      count++;
    }
  }
  if (filled > 0) {
    throw inputError(
      `${displayName(STREAM)}: ended after ${filled} bytes of frame ${count}, expected ${size} for each frame`,
    );
  }
}

/** A frame as a dataset of one sample: elements in the order of `preprocess.layout`. */
export function frameDataset(frame: Uint8Array, sampleShape: Shape, preprocess: Preprocess): PixelDataset {
  const pixels = preprocess.layout === "NHWC" ? channelsFirst(frame, sampleShape) : frame;
  return {
    name: displayName(STREAM),
    kind: "pixels",
    count: 1,
    sampleShape,
    preprocess,
    get sha256() {
      return sha256(frame);
    },
    notes: [],
    sample: () => pixels,
  };
}

function channelsFirst(frame: Uint8Array, shape: Shape): Uint8Array {
  if (shape.length !== 3) {
    throw inputError(`frames of ${formatShape(shape)} have no channels; leave --layout NHWC out`);
  }
  const [channels, height, width] = shape;
  return toPlanes({ channels, height, width, data: frame });
}

import type { GraphProto } from "../../../lib/onnx/messages.ts";
import type { Plain } from "../../../lib/onnx/schema.ts";
import { weights } from "../sensitivity/tiny_network.ts";
import { info, INT64, model, node } from "./sample_model.ts";

export const HIDDEN = 6;
export const WORDS = 11;

/** An ONNX file: tokens [T, N] through an embedding and an LSTM, whose states go in and out, to logits [T, N, words]. */
export function tinyLanguageModel(more: Plain<GraphProto> = {}): Uint8Array {
  return model({
    input: [info("ids", ["T", "N"], INT64), info("h0", [1, "N", HIDDEN]), info("c0", [1, "N", HIDDEN])],
    output: [info("logits", ["T", "N", WORDS]), info("hn", [1, "N", HIDDEN]), info("cn", [1, "N", HIDDEN])],
    initializer: [
      weights("table", [WORDS, 3], 1),
      weights("w", [1, 4 * HIDDEN, 3], 2),
      weights("r", [1, 4 * HIDDEN, HIDDEN], 3),
      weights("w1", [HIDDEN, WORDS], 4),
      { name: "axis", dims: [1], dataType: INT64, int64Data: [1] },
    ],
    node: [
      node("Gather", "table ids", "e"),
      node("LSTM", "e w r - - h0 c0", "y hn cn", [], "memory"),
      node("Squeeze", "y axis", "s"),
      node("MatMul", "s w1", "logits", [], "head"),
    ],
    ...more,
  });
}

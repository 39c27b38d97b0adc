import { translateSum } from "./add.ts";
import type { OnnxImport } from "./operator.ts";

/** Add with any number of inputs. */
const onnx: OnnxImport = { type: "Sum", attributes: {}, translate: translateSum };

export const sum = { onnx };

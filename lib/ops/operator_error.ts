import { type DyadError, inputError } from "../format/error.ts";
import type { Node } from "../ir/graph.ts";

/** An input error that names the node and its operator. */
export function nodeError(node: Node<unknown>, message: string): DyadError {
  return inputError(`node ${node.name} (${node.op}): ${message}`);
}

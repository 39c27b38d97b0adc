import type { Node } from "../ir/graph.ts";
import type { Operator } from "./operator.ts";

/** The node, with the type that its attributes have, if it is of this operator; undefined if it is of another. */
export function nodeOf<A>({ name }: Operator<A>, node: Node | undefined): Node<A> | undefined {
  return node?.op === name ? node as unknown as Node<A> : undefined; // an operator's nodes carry its attributes
}

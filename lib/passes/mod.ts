/** The rewrites, in the order in which they run. */
import type { Graph } from "../ir/graph.ts";
import { applyPatch } from "../ir/patch.ts";
import { affine_to_depthwise } from "./affine_to_depthwise.ts";
import { fold_channel_affine } from "./fold_channel_affine.ts";
import { fuse_activation } from "./fuse_activation.ts";
import { merge_pad } from "./merge_pad.ts";
import { merge_reshapes } from "./merge_reshapes.ts";
import type { Pass } from "./pass.ts";
import { remove_identities } from "./remove_identities.ts";
import { split_reshape } from "./split_reshape.ts";

export const PASSES: readonly Pass[] = [
  remove_identities,
  merge_reshapes,
  merge_pad,
  fold_channel_affine,
  fuse_activation,
  affine_to_depthwise,
  split_reshape,
];

/** Applies one pass until it finds nothing to change. The graph is checked after every patch. */
export function runPass(pass: Pass, graph: Graph): Graph {
  let current = graph;
  for (let patch = pass.rewrite(current); patch !== undefined; patch = pass.rewrite(current)) {
    current = applyPatch(current, patch);
  }
  return current;
}

/** The canonical graph that every stage of the pipeline works on. */
export function canonicalize(graph: Graph): Graph {
  return PASSES.reduce((current, pass) => runPass(pass, current), graph);
}

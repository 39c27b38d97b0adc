/** The rewrites, in the order in which they run. */
import { inputError } from "../format/error.ts";
import type { Graph } from "../ir/graph.ts";
import { applyPatch } from "../ir/patch.ts";
import { layersOf } from "../ops/layers.ts";
import { affine_to_depthwise } from "./affine_to_depthwise.ts";
import { batch_normalization_to_affine } from "./batch_normalization_to_affine.ts";
import { constant_lengths } from "./constant_lengths.ts";
import { fold_channel_affine } from "./fold_channel_affine.ts";
import { fuse_activation } from "./fuse_activation.ts";
import { merge_pad } from "./merge_pad.ts";
import { merge_reshapes } from "./merge_reshapes.ts";
import type { Pass } from "./pass.ts";
import { remove_identities } from "./remove_identities.ts";
import { split_reshape } from "./split_reshape.ts";

export const PASSES: readonly Pass[] = [
  batch_normalization_to_affine,
  remove_identities,
  constant_lengths,
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

/**
 * The canonical graph that every stage of the pipeline works on.
 * @throws DyadError (input) naming a layer whose weights leave float32 when other operators become part of it.
 */
export function canonicalize(graph: Graph): Graph {
  const canonical = PASSES.reduce((current, pass) => runPass(pass, current), graph);
  checkFinite(canonical);
  return canonical;
}

function checkFinite(graph: Graph): void {
  for (const { name, weight, bias } of layersOf(graph)) {
    for (const [what, { data }] of Object.entries({ weight, ...bias && { bias } })) {
      const index = data.findIndex((value) => !Number.isFinite(value));
      if (index < 0) continue;
      throw inputError(
        `layer ${name}: ${what} ${index} is ${
          data[index]
        } once the operators around the layer are part of it, expected ` +
          `a finite float32 number; check scale and variance of its batch normalization, alpha and beta`,
      );
    }
  }
}

import type { CodeMethod } from "../codes.ts";
import { ALTERNATING } from "./alternating.ts";
import { BALANCED } from "./balanced.ts";
import { GREEDY } from "./greedy.ts";
import { MULTISTART } from "./multistart.ts";
import { REFINED } from "./refined.ts";
import { TERNARY } from "./ternary.ts";
import { UNIFORM } from "./uniform.ts";

/** Every way to find binary codes: evidence, tests and choices derive from this list. */
export const CODE_METHODS: readonly CodeMethod[] = [
  UNIFORM,
  BALANCED,
  GREEDY,
  REFINED,
  ALTERNATING,
  MULTISTART,
  TERNARY,
];

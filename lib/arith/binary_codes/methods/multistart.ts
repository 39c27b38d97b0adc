import { type CodeMethod, squaredCodeError } from "../codes.ts";
import { alternate } from "./alternating.ts";
import { GREEDY } from "./greedy.ts";
import { UNIFORM } from "./uniform.ts";

/** Rounds from each start; most rows stand still long before. */
const ROUNDS = 30;

/**
 * Alternating minimization from greedy and from uniform codes, each until its codes stand still; the better of the two.
 * Where values have no long tails, 4 bits of greedy codes lead to a local minimum that is worse than equal levels.
 */
export const MULTISTART: CodeMethod = {
  name: "multistart",
  summary: `alternating from greedy and from uniform, up to ${ROUNDS} rounds each; the better of the two`,
  bits: [1, 2, 3, 4],
  encode(values, bits) {
    const [first, second] = [GREEDY, UNIFORM].map((start) => alternate(values, start.encode(values, bits), ROUNDS));
    return squaredCodeError(values, second) < squaredCodeError(values, first) ? second : first;
  },
};

import { extremesOf } from "../../format/tensor_statistics.ts";
import { includingZero } from "../range.ts";
import type { Observer } from "../observer.ts";

export const minMax: Observer = {
  name: "min-max",
  description: "the smallest and the largest value seen: nothing is clipped",
  options: [],
  settings: [{}],
  range(statistics) {
    const { min, max } = extremesOf(statistics);
    return includingZero(min, max);
  },
};

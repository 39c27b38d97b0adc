import { activationOperator } from "./activation.ts";

/** 1 / (1 + exp(-x)). */
export const sigmoid = activationOperator("Sigmoid");

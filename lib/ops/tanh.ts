import { activationOperator } from "./activation.ts";

/** The hyperbolic tangent. */
export const tanh = activationOperator("Tanh");

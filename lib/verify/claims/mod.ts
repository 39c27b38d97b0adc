import type { AnyClaim } from "../claim.ts";
import { accuracy } from "./accuracy.ts";
import { bitExact } from "./bit_exact.ts";
import { hashChain } from "./hash_chain.ts";
import { integerOnly } from "./integer_only.ts";
import { noOverflow } from "./no_overflow.ts";

/** Every claim, in the order of the report. */
export const CLAIMS: readonly AnyClaim[] = [hashChain, integerOnly, noOverflow, bitExact, accuracy];

import type { Metric } from "../metric.ts";
import { accuracy } from "./accuracy.ts";
import { fisher } from "./fisher.ts";
import { hessian_trace } from "./hessian_trace.ts";
import { kl } from "./kl.ts";
import { loss } from "./loss.ts";
import { mse } from "./mse.ts";
import { soft_kl } from "./soft_kl.ts";
import { weight_error } from "./weight_error.ts";

/** Every sensitivity metric: the table's columns, the choices of --metric and their help derive from this list. */
export const METRICS: readonly Metric[] = [soft_kl, kl, mse, weight_error, loss, accuracy, fisher, hessian_trace];

/** The column that plan minimises unless told otherwise. */
export const DEFAULT_METRIC = soft_kl.name;

/** The only place that names the schema library; schemas elsewhere are written with this `z`. */
export { z } from "zod";

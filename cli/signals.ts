/** Signals that ask a process to end, with its exit code then, as shells give it: 128 and the signal's number. */
export const END_SIGNALS: ReadonlyMap<Deno.Signal, number> = new Map(
  Deno.build.os === "windows" ? [["SIGINT", 130]] : [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]],
);

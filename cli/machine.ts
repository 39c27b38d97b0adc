import { cpus } from "node:os";
import type { Machine } from "../lib/format/latency.ts";

/**
 * The machine that this process runs on. The name of the processor is only there when the program may ask for it
 * (`--allow-sys=cpus`); the program does not ask for permissions itself.
 */
export function thisMachine(): Machine {
  const { os, arch } = Deno.build;
  const mayAsk = Deno.permissions.querySync({ name: "sys", kind: "cpus" }).state === "granted";
  const processor = mayAsk ? cpus()[0]?.model.trim() : undefined;
  return {
    ...(processor !== undefined && processor !== "" && { processor }),
    os,
    arch,
    cores: navigator.hardwareConcurrency,
    runtime: `deno ${Deno.version.deno}, V8 ${Deno.version.v8}`,
  };
}

import { nativeStatus } from "../../../lib/runtime/native_status.ts";

const status = nativeStatus();

/** Options of tests that execute native kernels: left out, and said why, where those cannot run. */
export const EXECUTES_NATIVE = { ignore: !status.isAvailable };

if (!status.isAvailable) console.log(`tests that execute native kernels are left out: ${status.reason}`);

import { nativeStatus } from "../../../lib/runtime/native_status.ts";

const status = nativeStatus();

const isMissing = !status.isAvailable && !status.isFault;

/** Options of tests that execute native kernels: left out, and said why, where those cannot run. Wrong ones must fail. */
export const EXECUTES_NATIVE = { ignore: isMissing };

if (isMissing) console.log(`tests that execute native kernels are left out: ${status.reason}`);

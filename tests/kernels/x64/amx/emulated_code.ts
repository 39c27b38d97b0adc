/** Run under the emulator of tiles: code as a function of the address of a memory, both in hexadecimal; prints the memory. */
import { allocateNative, loadNative } from "../../../../kernels/x64/native_memory.ts";

const [code, content] = Deno.args.map((text) => Uint8Array.fromHex(text));
using memory = allocateNative(content.length);
memory.bytes.set(content);
using native = loadNative(code);
native.functionAt(0, 1)(memory.address);
console.log(memory.bytes.toHex());

import { disassemble, type DisassembledFunction, type Disassembly } from "./disassemble.ts";

/** The generated code as text that a person can read and compare, one instruction a line, indented by block. */
export function disassemblyText(module: Uint8Array | Disassembly): string {
  const { functions } = module instanceof Uint8Array ? disassemble(module) : module;
  return functions.map(functionText).join("\n");
}

function functionText({ name, parameters, results, locals, instructions }: DisassembledFunction): string {
  const lines = [`${name} (${parameters.join(", ")}) -> (${results.join(", ")})`];
  if (locals.length > 0) lines.push(`  locals ${runs(locals).join(", ")}`);
  let depth = 1;
  for (const { name: instruction, immediates } of instructions) {
    if (instruction === "end" || instruction === "else") depth--;
    lines.push("  ".repeat(Math.max(depth, 0)) + [instruction, ...immediates].join(" "));
    if (["block", "loop", "if", "else"].includes(instruction)) depth++;
  }
  return lines.join("\n") + "\n";
}

function runs(types: readonly string[]): string[] {
  const texts: { type: string; count: number }[] = [];
  for (const type of types) {
    const last = texts.at(-1);
    if (last?.type === type) last.count++;
    else texts.push({ type, count: 1 });
  }
  return texts.map(({ type, count }) => count === 1 ? type : `${count} ${type}`);
}

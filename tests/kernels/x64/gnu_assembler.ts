/** GNU binutils, where they are installed, as the second opinion on encodings. */

async function output(command: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** Whether an assembler and a disassembler of x86-64 are installed. */
export async function hasGnuAssembler(): Promise<boolean> {
  try {
    await output("objdump", ["--version"]);
    return (await output("as", ["--version"])).includes("x86_64");
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

/** The bytes of each instruction in hexadecimal; the label `start` stands before the first. */
export async function gnuAssemble(lines: readonly string[]): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    const source = `${folder}/listing.s`;
    const object = `${folder}/listing.o`;
    await Deno.writeTextFile(source, [".intel_syntax noprefix", "start:", ...lines, ""].join("\n"));
    await output("as", ["--64", "-o", object, source]);
    const text = await output("objdump", ["-d", "-z", "-w", "--insn-width=16", object]);
    return Array.from(text.matchAll(/^ *[0-9a-f]+:\t([0-9a-f ]+?) *(?:\t|$)/gm), (match) => match[1]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The project's own TypeScript, for tests about the source itself. Paths are relative to the project's root. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const ROOT = new URL("../", import.meta.url);
const FOLDERS = ["cli", "lib", "kernels", "tests"];
const IMPORT = /^(?:import|export)\b[^;]*?from\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm;

let files: Promise<SourceFile[]> | undefined;

export function sourceFiles(): Promise<SourceFile[]> {
  files ??= read();
  return files;
}

async function read(): Promise<SourceFile[]> {
  const found: SourceFile[] = [];
  async function walk(folder: string): Promise<void> {
    for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) await walk(path);
      else if (entry.name.endsWith(".ts")) {
        const text = await Deno.readTextFile(new URL(path, ROOT));
        const imports = Array.from(text.matchAll(IMPORT), (match) => match[1] ?? match[2] ?? match[3]);
        found.push({ path, text, imports });
      }
    }
  }
  for (const folder of FOLDERS) await walk(folder);
  return found.sort((a, b) => a.path < b.path ? -1 : 1);
}

import assert from "node:assert/strict";
import { sourceFiles } from "./source_files.ts";

/** Folders of lib by rank: imports go down, and between equals only where `BESIDE` says so. */
const RANKS: readonly (readonly string[])[] = [
  ["tensor"],
  ["arith"],
  ["format"],
  ["ir"],
  ["ops"],
  ["onnx", "passes", "float", "runtime"],
  ["calibrate", "sensitivity", "profile", "plan", "quantize", "verify"],
];

const KERNEL_READERS = ["runtime", "float"];
const KERNEL_IMPORTS = ["tensor", "arith"];

const rankOf = (folder: string): number => RANKS.findIndex((rank) => rank.includes(folder));

function folderOf(path: string): { top: string; folder: string } {
  const [top, folder] = path.split("/");
  return { top, folder: top === "lib" ? folder : top };
}

/** Why `from` may not import `to`, or undefined where it may. */
function violation(from: string, to: string): string | undefined {
  const a = folderOf(from);
  const b = folderOf(to);
  if (a.top === "tests") return undefined;
  if (b.top === "tests") return "only tests import tests";
  if (a.top === "cli") return b.top === "kernels" ? "cli reaches kernels through lib/runtime" : undefined;
  if (b.top === "cli") return "nothing but tests imports cli";
  if (a.top === "kernels") {
    return b.top === "kernels" || KERNEL_IMPORTS.includes(b.folder)
      ? undefined
      : "kernels import only tensor and arith";
  }
  if (b.top === "kernels") {
    return KERNEL_READERS.includes(a.folder) ? undefined : "only runtime and float import kernels";
  }
  if (a.folder === b.folder || rankOf(a.folder) > rankOf(b.folder)) return undefined;
  return rankOf(a.folder) === rankOf(b.folder) ? "siblings meet in lib/format" : "imports only go down";
}

/** Source without comments, so that prose does not count as code. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

Deno.test("imports only go down", async () => {
  const found: string[] = [];
  for (const { path, imports } of await sourceFiles()) {
    for (const specifier of imports) {
      if (!specifier.startsWith(".")) continue;
      const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
      const why = violation(path, target);
      if (why) found.push(`${path} imports ${target}: ${why}`);
    }
  }
  assert.deepEqual(found, []);
});

Deno.test("every folder of lib has a rank", async () => {
  const folders = new Set(
    (await sourceFiles()).filter(({ path }) => path.startsWith("lib/")).map(({ path }) => folderOf(path).folder),
  );
  assert.deepEqual([...folders].sort(), RANKS.flat().sort());
});

Deno.test("each npm package sits behind one file", async () => {
  const importers = new Map<string, string[]>();
  for (const { path, imports } of await sourceFiles()) {
    if (path.startsWith("tests/")) continue;
    for (const specifier of imports) {
      if (specifier.startsWith(".") || specifier.startsWith("node:")) continue;
      const name = specifier.replace(/^npm:/, "").split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
      importers.set(name, [...new Set([...importers.get(name) ?? [], path])]);
    }
  }
  const shared = [...importers].filter(([, files]) => files.length > 1);
  // The command tree is commander's own types: every command names them.
  const inCli = shared.filter(([name, files]) =>
    !(name.endsWith("commander") || name === "@commander-js/extra-typings") || files.some((f) => !f.startsWith("cli/"))
  );
  assert.deepEqual(inCli, []);
});

/** Reaches memory and code outside of JavaScript, by Deno's foreign functions. */
const NATIVE_MEMORY = "kernels/x64/native_memory.ts";

Deno.test("Deno, console and process stay in cli and tests", async () => {
  const found = (await sourceFiles()).filter(({ path, text }) =>
    /^(lib|kernels)\//.test(path) && path !== NATIVE_MEMORY && /\b(Deno\.|console\.|process\.)/.test(code(text))
  );
  assert.deepEqual(found.map(({ path }) => path), []);
});

Deno.test("files are named in snake case", async () => {
  const found = (await sourceFiles()).filter(({ path }) =>
    !/^[a-z0-9_]+(\.[a-z0-9_]+)*\.ts$/.test(path.split("/").at(-1)!)
  );
  assert.deepEqual(found.map(({ path }) => path), []);
});

/** Folders whose files are all named in the mod.ts beside them. */
const LISTS = [
  "lib/arith/binary_codes/methods",
  "lib/ops",
  "lib/passes",
  "lib/calibrate/observers",
  "lib/sensitivity/measurements",
  "lib/sensitivity/metrics",
  "lib/verify/claims",
  "cli/jobs",
  "cli/mergers",
];

for (const folder of LISTS) {
  Deno.test(`the list of ${folder} misses no file`, async () => {
    const files = await sourceFiles();
    const list = files.find(({ path }) => path === `${folder}/mod.ts`)!;
    const listed = new Set(list.imports);
    const entries = files.filter(({ path, text }) =>
      path.startsWith(`${folder}/`) && path !== list.path && !path.slice(folder.length + 1).includes("/") &&
      ENTRY.test(text)
    );
    assert.ok(entries.length > 0);
    const missing = entries.filter(({ path }) => !listed.has(`./${path.slice(folder.length + 1)}`));
    assert.deepEqual(missing.map(({ path }) => path), []);
  });
}

/** A file that exports one entry of a list under its own name, not a helper. */
const ENTRY =
  /^export const ([a-z_]+(: (Pass|Observer|Measurement|Metric|Claim)\b[^=]*)?|[a-zA-Z]+: (Job<[^=]*|Merger|CodeMethod)) = /m;

import assert from "node:assert/strict";
import { COMMANDS } from "../../cli/commands/mod.ts";
import { COMPLETED_SHELLS, completionScript } from "../../cli/completions.ts";
import { longName } from "../../cli/flag.ts";

for (const shell of COMPLETED_SHELLS) {
  Deno.test(`completions of ${shell} name every command and flag`, async () => {
    const script = completionScript(shell, COMMANDS);
    for (const { name, flags } of COMMANDS) {
      assert.match(script, new RegExp(`\\b${name}\\b`));
      for (const flag of Object.values(flags)) assert.ok(script.includes(longName(flag).slice(2)), longName(flag));
    }
    const syntax = await checkSyntax(shell, script);
    assert.equal(syntax, "");
  });
}

/** What the shell says of the script; nothing where the shell is not installed. */
async function checkSyntax(shell: string, script: string): Promise<string> {
  try {
    const child = new Deno.Command(shell, { args: ["-n"], stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(script));
    await writer.close();
    return new TextDecoder().decode((await child.output()).stderr);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

Deno.test({
  name: "completions in bash",
  ignore: Deno.build.os === "windows",
  async fn() {
    const complete = async (...words: string[]): Promise<string[]> => {
      const args = [
        "-c",
        `${completionScript("bash", COMMANDS)}
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dyad; printf '%s\\n' "\${COMPREPLY[@]}"`,
        "bash",
        "dyad",
        ...words,
      ];
      const { stdout } = await new Deno.Command("bash", { args }).output();
      return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
    };
    assert.deepEqual(await complete("quant"), ["quantize"]);
    assert.deepEqual(await complete("--json", "sch"), ["schema"]);
    assert.deepEqual(await complete("schema", "pl"), ["plan"]);
    assert.deepEqual(await complete("run", "x", "--back"), ["--backend"]);
    assert.deepEqual(await complete("run", "x", "--backend", ""), ["auto", "native", "wasm", "wasm-strict", "scalar"]);
    assert.deepEqual(await complete("run", "x", "--data", ""), [], "left to the completion of file names");
  },
});

Deno.test("completions in zsh offer files for as many arguments as a command takes", () => {
  const script = completionScript("zsh", COMMANDS);
  const argumentsOf = (name: string): string => script.split(`(${name}) _arguments`)[1].split("&& return")[0];
  assert.ok(argumentsOf("merge").includes("'*:parts:_files'"));
  assert.ok(argumentsOf("plan").includes("':sensitivity:_files'"));
});

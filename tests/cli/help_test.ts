import assert from "node:assert/strict";
import { COMMANDS } from "../../cli/commands/mod.ts";
import { dyad, expectSuccess } from "./dyad.ts";

Deno.test("help of the program and of every command", async (t) => {
  const names = ["", ...COMMANDS.map(({ name }) => name)];
  const helps = await Promise.all(names.map((name) => expectSuccess(name === "" ? ["--help"] : [name, "--help"])));
  for (const [i, { out, err }] of helps.entries()) {
    assert.equal(err, "");
    assert.ok(out.split("\n").every((line) => line.length <= 160), `${names[i]}: a line is too long`);
    if (i > 0) assert.match(out, new RegExp(`\nExamples?:\n  (.* )?dyad ${names[i]}\\b`));
    await t.assertSnapshot(out);
  }
});

Deno.test("help needs no permission, and reaches a command by two ways", async () => {
  const [byFlag, byWord, alone] = await Promise.all([
    dyad(["plan", "-h"], { permissions: [] }),
    dyad(["help", "plan"], { permissions: [] }),
    dyad([], { permissions: [] }),
  ]);
  assert.equal(byFlag.code, 0);
  assert.equal(byFlag.out, byWord.out);
  assert.equal(alone.code, 2);
  assert.match(alone.err, /^Usage: dyad/);
});

Deno.test("flags of one command have different names, and none is a global one", () => {
  for (const { name, flags } of COMMANDS) {
    const long = Object.values(flags).map(({ syntax }) => /--[a-z-]+/.exec(syntax)![0]);
    assert.equal(new Set(long).size, long.length, name);
    for (const flag of ["--json", "--quiet", "--no-color", "--color", "--help", "--version"]) {
      assert.ok(!long.includes(flag), `${name} has its own ${flag}`);
    }
  }
});

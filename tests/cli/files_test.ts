import assert from "node:assert/strict";
import { companionPath, parentOf } from "../../cli/files.ts";
import { writeTogether } from "../../cli/write_together.ts";
import { DyadError } from "../../lib/format/error.ts";
import { inNewFolder, namesIn } from "./dyad.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("companions lie beside their artefacts", () => {
  assert.equal(companionPath("a/x.calibration.json"), "a/x.calibration.safetensors");
  assert.equal(companionPath("x.dyad.json"), "x.dyad.safetensors");
  assert.equal(companionPath("x"), "x.safetensors");
  assert.deepEqual(["x", "a/x", "/x", "a/b/x"].map(parentOf), [".", "a", "/", "a/b"]);
});

Deno.test("files are replaced together", async () => {
  await inNewFolder(async (folder) => {
    for (const round of ["first", "second, longer"]) {
      await writeTogether([{ path: `${folder}/a`, bytes: bytes(round) }, { path: `${folder}/b`, bytes: bytes("b") }]);
      assert.equal(Deno.readTextFileSync(`${folder}/a`), round);
      assert.deepEqual(namesIn(folder), ["a", "b"]);
    }
  });
});

Deno.test("when one file cannot be written, none is, and no temporary file stays", async () => {
  await inNewFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/a`, "old");
    Deno.mkdirSync(`${folder}/taken`);
    for (const bad of ["gone/b", "a/b", "taken"]) {
      const files = [{ path: `${folder}/a`, bytes: bytes("new") }, { path: `${folder}/${bad}`, bytes: bytes("b") }];
      await assert.rejects(
        writeTogether(files),
        (error) => error instanceof DyadError && error.kind === "input" && error.message.includes(`${folder}/${bad}: `),
      );
      assert.equal(Deno.readTextFileSync(`${folder}/a`), "old");
      assert.deepEqual(namesIn(folder), ["a", "taken"]);
    }
  });
});

Deno.test({
  name: "links are written through, modes are kept, devices are not replaced",
  ignore: Deno.build.os === "windows",
  async fn() {
    await inNewFolder(async (folder) => {
      Deno.writeTextFileSync(`${folder}/real`, "old");
      Deno.chmodSync(`${folder}/real`, 0o640);
      Deno.symlinkSync("real", `${folder}/link`);
      await writeTogether([{ path: `${folder}/link`, bytes: bytes("new") }]);
      assert.equal(Deno.readTextFileSync(`${folder}/real`), "new");
      assert.equal(Deno.statSync(`${folder}/real`).mode! & 0o777, 0o640);
      assert.ok(Deno.lstatSync(`${folder}/link`).isSymlink);
      await writeTogether([{ path: "/dev/null", bytes: bytes("new") }]);
      assert.ok(Deno.statSync("/dev/null").isCharDevice);
      if (Deno.build.os !== "linux") return;
      await assert.rejects(
        writeTogether([{ path: "/dev/full", bytes: bytes("new") }]),
        /cannot write \/dev\/full: no space left on the device/,
      );
    });
  },
});

Deno.test({
  name: "a signal while files are being written leaves nothing behind",
  ignore: Deno.build.os === "windows",
  async fn() {
    await inNewFolder(async (folder) => {
      // Writing to a pipe that nobody reads waits, while the other file lies there under its temporary name.
      await new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).output();
      const source = new URL("../../cli/write_together.ts", import.meta.url).href;
      const script = `import { writeTogether } from ${JSON.stringify(source)};
        await writeTogether([
          { path: "pipe", bytes: new Uint8Array(1) },
          { path: "file", bytes: new Uint8Array(1) },
        ]);`;
      const args = ["eval", script];
      const child = new Deno.Command(Deno.execPath(), { args, cwd: folder, stdout: "null", stderr: "null" }).spawn();
      const isStaged = (): boolean => namesIn(folder).some((name) => name.startsWith("file.tmp-"));
      for (let i = 0; i < 1000 && !isStaged(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.ok(isStaged(), "the file was staged");
      await new Promise((resolve) => setTimeout(resolve, 50));
      child.kill("SIGINT");
      assert.equal((await child.status).code, 130);
      assert.deepEqual(namesIn(folder), ["pipe"]);
    });
  },
});

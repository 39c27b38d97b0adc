/**
 * Runs all tests, two modules at a time on two cores, and ends with the plain line "N passed, N failed". Arguments go to
 * `deno test`, so that `deno task test tests/kernels` runs a part.
 */
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/m;

const command = new Deno.Command(Deno.execPath(), {
  args: ["test", "--quiet", "--parallel", "-A", ...Deno.args],
  env: { NO_COLOR: "1" },
  stdout: "piped",
  stderr: "inherit",
}).spawn();

let tail = "";
for await (const text of command.stdout.pipeThrough(new TextDecoderStream())) {
  await Deno.stdout.write(new TextEncoder().encode(text));
  tail = (tail + text).slice(-4000);
}
const { code } = await command.status;
const found = SUMMARY.exec(tail);
console.log(found ? `${found[1]} passed, ${found[2]} failed` : "0 passed, 1 failed");
Deno.exit(found && found[1] !== "0" ? code : 1);

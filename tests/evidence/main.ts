/**
 * Measures again what the README states, each part in a process of its own; exits 1 when a bar is missed:
 *
 *     deno run -A tests/evidence/main.ts
 */
const PARTS = [
  "latency.ts",
  "traces.ts",
  "accuracy.ts",
  "sequences.ts",
  "codes.ts",
  "sequence_plans.ts",
  "online_codes.ts",
  "plans.ts",
  "verification.ts",
  "metrics.ts",
];

for (const part of PARTS) {
  const file = new URL(part, import.meta.url).href;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", file],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (!success) Deno.exitCode = 1;
}

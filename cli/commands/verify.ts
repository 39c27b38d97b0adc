import { DyadError } from "../../lib/format/error.ts";
import {
  type ClaimRecord,
  type ClaimStatus,
  encodeVerification,
  type EvidenceOf,
  evidenceOf,
  type Verification,
} from "../../lib/format/verification.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { CLAIMS } from "../../lib/verify/claims/mod.ts";
import { DEFAULT_LIMIT, makeContext } from "../../lib/verify/context.ts";
import { CHAIN_ROLES, openSubject } from "../../lib/verify/subject.ts";
import { verify as verifyNetwork } from "../../lib/verify/verify.ts";
import { optionsOf, readConstants } from "../artefacts.ts";
import { backendFlag, resolveBackend } from "../backend.ts";
import { defineCommand } from "../command.ts";
import { openData } from "../data.ts";
import { artefactTarget, displayName, readBytes } from "../files.ts";
import {
  defaultFlag,
  FILE,
  type Flag,
  NUMBER,
  optionalFlag,
  positional,
  POSITIVE_INTEGER,
  requiredFlag,
} from "../flag.ts";
import { DATA_FLAGS, MODEL_FLAGS, OUTPUT_FLAG, THREADS_FLAG } from "../flags.ts";
import { measureOnThreads } from "../measure_images.ts";
import { dataRequestOf, loadModel } from "../model.ts";
import { type Block, facts, numeric, type Painted, type Report, type Table } from "../report.ts";

/** `--calibration <file>` and so on, one for each artefact that can be a further link of the chain. */
const CHAIN_FLAGS = Object.fromEntries(
  CHAIN_ROLES.map((
    role,
  ) => [
    role,
    optionalFlag(
      `--${role} <file>`,
      `the ${role} artefact that the network came by, a further link of the chain`,
      FILE,
    ),
  ]),
) as Record<(typeof CHAIN_ROLES)[number], Flag<string | undefined>>;

export const verify = defineCommand({
  name: "verify",
  summary: "Examine what is claimed of an integer network; exit status 5 when a claim fails",
  details: `The claims:\n${CLAIMS.map(({ name, statement }) => `  ${name}: ${statement}`).join("\n")}`,
  positionals: { network: positional("integer network", FILE) },
  flags: {
    model: requiredFlag("--model <file>", "the ONNX model that the network was made from", FILE),
    ...DATA_FLAGS,
    limit: defaultFlag("--limit <n>", "run only the first n samples", POSITIVE_INTEGER, String(DEFAULT_LIMIT)),
    referenceLimit: optionalFlag(
      "--reference-limit <n>",
      "compare only the first n of them with the slow scalar reference (default: all of them)",
      POSITIVE_INTEGER,
    ),
    maxDrop: optionalFlag(
      "--max-drop <points>",
      "fail when top-1 falls by more percentage points than this; needs --labels",
      NUMBER,
    ),
    minAgreement: optionalFlag(
      "--min-agreement <percent>",
      "fail when both networks choose the same class for fewer of the samples",
      NUMBER,
    ),
    backend: backendFlag("the tier under test", "wasm"),
    ...CHAIN_FLAGS,
    tensors: optionalFlag("--tensors <file>", "constants of the network (default: the file beside it)", FILE),
    ...MODEL_FLAGS,
    ...THREADS_FLAG,
    ...OUTPUT_FLAG,
  },
  examples: [
    "dyad verify resnet20.dyad.json --model resnet20.onnx --data images.npy --labels labels.npy --max-drop 0.5 " +
    "-o resnet20.verify.json",
  ],
  async run({ args, flags, terminal }) {
    const target = artefactTarget({ output: flags.output }, terminal);
    const network = fileAt(args.network);
    const subject = openSubject({
      network,
      constants: readConstants(args.network, network.bytes, flags.tensors),
      model: loadModel(flags.model, flags),
      artefacts: Object.fromEntries(
        CHAIN_ROLES.flatMap((role) => flags[role] === undefined ? [] : [[role, fileAt(flags[role])]]),
      ),
    });
    const { input, output } = subject.network;
    const dataset = openData(flags, {
      sampleShape: input.shape.slice(1),
      classes: sizeOf(output.shape),
      stream: dataRequestOf(subject.graph).stream,
      recorded: { name: subject.name, preprocess: subject.preprocess },
    }, terminal);
    const { limit, referenceLimit, maxDrop, minAgreement } = flags;
    const backend = resolveBackend(flags.backend, terminal);
    const options = optionsOf({ limit, referenceLimit, maxDrop, minAgreement, backend });
    const context = makeContext(subject, dataset, options);
    const verification = await terminal.withProgress(
      "verifying",
      (onProgress) =>
        verifyNetwork(context, measureOnThreads({ threads: flags.threads, onProgress, note: terminal.note })),
    );
    await target.write(encodeVerification(verification));
    return verificationReport(verification, subject.name, target.name);
  },
});

function fileAt(path: string) {
  return { name: displayName(path), bytes: readBytes(path) };
}

const MARKS: Readonly<Record<ClaimStatus, Painted>> = {
  proven: { text: "✓", paint: "green" },
  measured: { text: "✓", paint: "green" },
  failed: { text: "✗", paint: "red" },
  skipped: { text: "-", paint: "yellow" },
};

/** What `--json` prints. */
export interface VerificationSummary {
  readonly output: string;
  readonly network: string;
  readonly passed: boolean;
  readonly claims: readonly Pick<ClaimRecord, "name" | "status" | "summary" | "failures">[];
  readonly layers: EvidenceOf<"accuracy">["layers"];
}

function verificationReport(
  { claims, passed, network }: Verification,
  name: string,
  output: string,
): Report<VerificationSummary> {
  const failed = claims.filter(({ status }) => status === "failed").map((claim) => claim.name);
  const layers = layerTable(claims);
  return {
    json: {
      output,
      network,
      passed,
      claims: claims.map(({ name, status, summary, failures }) => ({ name, status, summary, failures })),
      layers: evidenceOf(claims, "accuracy")?.layers ?? [],
    },
    blocks: [
      claimTable(claims),
      ...layers === undefined ? [] : [layers],
      facts([["written", output]]),
    ] satisfies Block[],
    failure: passed ? undefined : new DyadError(
      "verification",
      `${name}: ${failed.length} of ${claims.length} claims failed: ${failed.join(", ")}`,
    ),
  };
}

/** Three lines a claim: what is claimed, the evidence, and what contradicts it. */
function claimTable(claims: readonly ClaimRecord[]): Table {
  return {
    columns: [{ title: "" }, { title: "" }, { title: "" }],
    rows: claims.flatMap(({ name, statement, status, summary, failures }) => [
      [MARKS[status], { text: name, paint: "bold" as const }, statement],
      ["", { text: status, paint: "dim" as const }, summary],
      ...failures.flatMap((failure) => failure.split("\n")).map((
        line,
      ) => ["", "", { text: line, paint: "red" as const }]),
    ]),
  };
}

/** One line a step: what it holds, how near it is to the float network, and the hash that another machine can compare. */
function layerTable(claims: readonly ClaimRecord[]): Table | undefined {
  const exact = evidenceOf(claims, "bit-exact");
  const near = evidenceOf(claims, "accuracy");
  if (exact === undefined && near === undefined) return undefined;
  const names = exact?.steps.map(({ step }) => step) ?? near!.layers.map(({ step }) => step);
  return {
    isDetail: true,
    columns: [
      { title: "step" },
      numeric("bits"),
      numeric("SQNR dB"),
      numeric("differing"),
      { title: "sha256" },
    ],
    rows: names.map((step, i) => {
      const steps = exact?.steps[i];
      const layer = near?.layers.find((found) => found.step === step);
      return [
        step,
        String(layer?.bits ?? ""),
        layer === undefined ? "" : layer.sqnrDb?.toFixed(2) ?? (layer.noise === 0 ? "exact" : "no signal"),
        steps === undefined
          ? ""
          : steps.differing === 0
          ? "0"
          : { text: String(steps.differing), paint: "red" as const },
        steps?.sha256.slice(0, 12) ?? "",
      ];
    }),
  };
}

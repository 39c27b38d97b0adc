import { parseCandidates } from "../../lib/format/candidates.ts";
import { DyadError } from "../../lib/format/error.ts";
import { candidateName } from "../../lib/format/plan.ts";
import { type Command, defineCommand, type Flags, type FlagValues, type Positionals } from "../command.ts";
import { demoFiles, fileTable, FLOAT_TAG, listFiles, type Variant, VARIANTS } from "../demo/files.ts";
import { type DemoNetwork, floatCosts, networkBlocks } from "../demo/networks.ts";
import { shellLine, type Words } from "../demo/shell_line.ts";
import { DEMO_MODEL_NAMES, DEMO_MODELS, findTestData, type TestData } from "../demo/test_data.ts";
import { fileError } from "../file_error.ts";
import { defaultFlag, FILE, oneOf, optionalFlag, POSITIVE_INTEGER } from "../flag.ts";
import { THREADS_FLAG } from "../flags.ts";
import { invoke } from "../program.ts";
import { type Report, withoutDetail } from "../report.ts";
import { type Terminal, terminalColumns } from "../terminal.ts";
import { calibrate } from "./calibrate.ts";
import { plan } from "./plan.ts";
import { type NetworkSummary, quantize } from "./quantize.ts";
import { run, type RunSummary } from "./run.ts";
import { sensitivity } from "./sensitivity.ts";
import { type VerificationSummary, verify } from "./verify.ts";

/** The scalar reference is some forty times slower than the fast tier. */
const REFERENCE_IMAGES = 32;

/** Of fewer images, a single one would weigh more than half a point of top-1. */
const LEAST_IMAGES_FOR_A_GATE = 200;

const FLAGS = {
  model: defaultFlag("--model <name>", "network to start from", oneOf(DEMO_MODEL_NAMES), "resnet20"),
  candidates: defaultFlag(
    "--candidates <list>",
    "weight bits / activation bits that the mixed network is made of",
    { parse: parseCandidates },
    "8/8,4/4",
  ),
  calibrationImages: defaultFlag("--calibration-images <n>", "images to calibrate with", POSITIVE_INTEGER, "512"),
  sensitivityImages: defaultFlag(
    "--sensitivity-images <n>",
    "images that sensitivity is measured on",
    POSITIVE_INTEGER,
    "48",
  ),
  images: optionalFlag("--images <n>", "test images to run (default: all 10000)", POSITIVE_INTEGER),
  verifyImages: defaultFlag(
    "--verify-images <n>",
    `test images for verify, the first ${REFERENCE_IMAGES} of them on the scalar reference too`,
    POSITIVE_INTEGER,
    "256",
  ),
  ...THREADS_FLAG,
  testdata: defaultFlag("--testdata <folder>", "the project's test data", FILE, "testdata"),
  output: defaultFlag("-o, --output <folder>", "where all files go; those of an earlier demo are replaced", {
    ...FILE,
    parse: (text) => FILE.parse(text).replace(/(?<=.)\/+$/, ""),
  }, "dyad-demo"),
};

export const demo = defineCommand({
  name: "demo",
  summary: "Watch a trained network become integer-only, of mixed bit widths, each step on disk and verified",
  details:
    "Every step is a dyad command, shown as it could be typed: calibrate, sensitivity, plan at half the way between " +
    "all-4-bit and all-8-bit, quantize to 8/8, mixed and 4/4 bits, run the float and the integer networks on the test " +
    "images, verify.",
  positionals: {},
  flags: FLAGS,
  examples: ["dyad demo", "dyad demo --model mobile --images 1000 -o /tmp/demo"],
  async run({ flags, terminal }) {
    const start = performance.now();
    const demonstration = new Demonstration(flags, findTestData(flags.testdata, flags.model), terminal);
    makeFolder(flags.output);
    const { networks, failures } = await demonstration.run();
    const seconds = Math.round((performance.now() - start) / 1000);
    const title = `${networks[0].images} test images, ${networks.length} networks, ${seconds} s for everything`;
    return {
      json: { model: flags.model, networks, files: listFiles(demonstration.files), passed: failures.length === 0 },
      blocks: [`\n${terminal.style("bold", title)}`, ...networkBlocks(networks), fileTable(demonstration.files)],
      failure: failures.length === 0
        ? undefined
        : new DyadError("verification", failures.map(({ message }) => message).join("; ")),
    };
  },
});

class Demonstration {
  readonly files;

  constructor(
    private readonly flags: FlagValues<typeof FLAGS>,
    private readonly data: TestData,
    private readonly terminal: Terminal,
  ) {
    this.files = demoFiles(flags.output, flags.model);
  }

  async run(): Promise<{ networks: DemoNetwork[]; failures: DyadError[] }> {
    this.#introduce();
    await this.#choosePlan();

    this.#title(
      "4. Quantize",
      "to integers: all layers at 8/8, as planned, and at 4/4 with first and last layer at 8/8",
    );
    const made: NetworkSummary[] = [];
    for (const variant of VARIANTS) made.push((await this.#quantize(variant)).json);

    this.#title("5. Run", "the test images through all four networks; times are of the first ones, on one thread");
    const float = (await this.#run(this.data.model, FLOAT_TAG)).json;
    const runs: RunSummary[] = [];
    for (const { tag } of VARIANTS) runs.push((await this.#run(this.files.network(tag), tag)).json);

    this.#title("6. Verify", "what is claimed of the integer networks");
    const verified: Report<VerificationSummary>[] = [];
    for (const variant of VARIANTS) verified.push(await this.#verify(variant));

    const measured = ({ images, correct, latency }: RunSummary) => ({
      images,
      correct: correct!,
      msPerImage: latency!.medianMs,
    });
    return {
      networks: [
        { name: FLOAT_TAG, ...floatCosts(made[0]), ...measured(float) },
        ...VARIANTS.map(({ name }, i) => {
          const { averageWeightBits: weightBits, sizeBytes, bops } = made[i];
          const { claims } = verified[i].json;
          const held = claims.filter(({ status }) => status === "proven" || status === "measured").length;
          return { name, weightBits, sizeBytes, bops, ...measured(runs[i]), claims: { held, total: claims.length } };
        }),
      ],
      failures: verified.flatMap(({ failure }) => failure ?? []),
    };
  }

  #introduce(): void {
    const { model, output } = this.flags;
    this.terminal.show([
      `This demo makes integer-only networks of ${
        DEMO_MODELS[model].what
      } that was trained on Fashion-MNIST in float, ` +
      `and proves what it did. Each step is a command that can be typed; all files go to ${output}/.`,
    ]);
  }

  async #choosePlan(): Promise<void> {
    const { model, calibrationImages, mean, std } = this.data;
    const { calibration, sensitivity: table, plan: chosen, lp } = this.files;

    this.#title("1. Calibrate", "training images through the float network, to know the range of every tensor");
    await this.#step(calibrate, [
      ...[model, ["--data", calibrationImages], ["--mean", mean], ["--std", std]],
      ...[["--limit", String(this.flags.calibrationImages)], ["-o", calibration]],
    ]);

    this.#title("2. Sensitivity", "one layer at a time is quantized, to know what its bits cost the network's output");
    await this.#step(sensitivity, [
      ...[model, ["--calibration", calibration], ["--data", calibrationImages]],
      ["--candidates", this.flags.candidates.map(candidateName).join(",")],
      ...[["--limit", String(this.flags.sensitivityImages)], ...this.#threads(), ["-o", table]],
    ]);

    this.#title("3. Plan", "the bits of every layer: the least harm within half the way from all-4-bit to all-8-bit");
    const argv = [table, ["--max-bops", "between:0.5"], ["--lp", lp], ["-o", chosen]];
    await this.#step(plan, argv, { isWhole: true });
  }

  async #quantize({ tag, bits }: Variant) {
    const { model } = this.data;
    const { calibration } = this.files;
    return await this.#step(quantize, [
      ...[model, ["--calibration", calibration], bits(this.files), ["-o", this.files.network(tag)]],
    ]);
  }

  async #run(network: string, tag: string) {
    const { images, labels, classes, mean, std } = this.data;
    const isFloat = tag === FLOAT_TAG;
    const { images: limit } = this.flags;
    return await this.#step(run, [
      ...[network, ["--data", images], ["--labels", labels], ["--classes", classes]],
      ...isFloat ? [["--mean", mean], ["--std", std]] : [],
      ...limit === undefined ? [] : [["--limit", String(limit)]],
      ...["--latency", ["--top-k", "1"], ...this.#threads(), ["-o", this.files.predictions(tag)]],
    ]);
  }

  async #verify({ tag }: Variant) {
    const { model, images, labels } = this.data;
    const { verifyImages } = this.flags;
    const maxDrop = verifyImages < LEAST_IMAGES_FOR_A_GATE ? undefined : DEMO_MODELS[this.flags.model].maxDrop[tag];
    const { calibration, plan: chosen, sensitivity: table } = this.files;
    return await this.#step(verify, [
      ...[this.files.network(tag), ["--model", model], ["--calibration", calibration]],
      ...tag === "mixed" ? [["--plan", chosen], ["--sensitivity", table]] : [],
      ...[["--data", images], ["--labels", labels], ["--limit", String(verifyImages)]],
      ["--reference-limit", String(Math.min(REFERENCE_IMAGES, verifyImages))],
      ...maxDrop === undefined ? [] : [["--max-drop", String(maxDrop)]],
      ...this.#threads(),
      ["-o", this.files.verification(tag)],
    ]);
  }

  /** For commands that have work for several. */
  #threads(): Words[] {
    const { threads } = this.flags;
    return threads === undefined ? [] : [["--threads", String(threads)]];
  }

  #title(step: string, what: string): void {
    const heading = { columns: [{ title: "" }, { title: "" }], rows: [[{ text: step, paint: "bold" as const }, what]] };
    this.terminal.show(["", heading]);
  }

  /** Shows a command as it would be typed, runs it, and shows its report, in short unless `isWhole`. */
  async #step<J>(
    command: Command<Positionals, Flags, J>,
    argv: readonly Words[],
    { isWhole = false } = {},
  ): Promise<Report<J>> {
    const prompt = this.terminal.style("green", "$");
    this.terminal.show([`\n${prompt} ${shellLine(["dyad", command.name, ...argv], terminalColumns() - 2)}`]);
    const report = await invoke(command, argv.flat(), this.terminal);
    if (report === undefined) throw new Error(`dyad ${command.name} made no report`);
    this.terminal.show(isWhole ? report.blocks : withoutDetail(report.blocks));
    return report;
  }
}

function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw fileError(path, "write", error);
  }
}

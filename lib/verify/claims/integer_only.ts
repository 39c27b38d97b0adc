import {
  certifyMachineCode,
  certifyModule,
  type IntegerCertificate,
  interpretedSteps,
} from "../../runtime/integer_certificate.ts";
import type { Backend } from "../../runtime/engine.ts";
import { type DType, isFloat } from "../../tensor/dtype.ts";
import { type Claim, type Finding, notShown } from "../claim.ts";
import type { MeasuredContext } from "../context.ts";

/** How many forbidden instructions are spelt out as failures; all of them are in the evidence. */
const LISTED = 8;

/** Why what a backend runs cannot be examined. */
const UNEXAMINED: Partial<Record<Backend, string>> = {
  scalar: "the scalar reference runs no WebAssembly module that could be examined",
};

function check(context: MeasuredContext): Finding<"integer-only"> {
  const { subject: { network, constants }, backend } = context;
  const { engines } = context;
  if ("refused" in engines) return notShown(engines);
  const { kernels, module } = engines.tested;
  const codes = engines.tested.machineCode();
  const unexamined = UNEXAMINED[backend];
  const notGenerated = interpretedSteps(engines.tested).map(({ name }) => name);
  const ofModule = module && certify(() => certifyModule(module));
  const ofMachine = codes.length === 0 ? undefined : certify(() => certifyMachineCode(codes));
  const certificates = [ofModule, ofMachine].filter((certificate) => certificate !== undefined);
  const unreadable = certificates.filter((certificate) => typeof certificate === "string");
  const examined = certificates.filter((certificate) => typeof certificate === "object");
  const total = (count: (certificate: IntegerCertificate) => number): number =>
    examined.reduce((sum, certificate) => sum + count(certificate), 0);
  const dtypes = new Map<string, DType>([
    ...Array.from(network.tensors.values(), ({ name, dtype }): [string, DType] => [`tensor ${name}`, dtype]),
    ...Array.from(constants, ([name, dtype]): [string, DType] => [`constant ${name}`, dtype]),
  ]);
  const failures = [
    ...[...dtypes].filter(([, dtype]) => isFloat(dtype)).map(([what, dtype]) => `${what}: is ${dtype}, not an integer`),
    ...unexamined !== undefined ? [] : [
      ...notGenerated.map((name) => `step ${name}: no generated kernel computes it; it runs on the scalar reference`),
      ...certificates.length === 0 && network.steps.some(({ problem }) => problem) ? ["no code was generated"] : [],
    ],
    ...unreadable.map((why) => `the generated code cannot be disassembled: ${why}`),
    ...describeForbidden(examined.flatMap(({ forbidden }) => forbidden)),
  ];
  return {
    verdict: unexamined !== undefined ? "skipped" : "proven",
    summary: unexamined ??
      `no float among ${dtypes.size} tensors and constants; ${total((c) => c.instructions)} instructions of ` +
        `${total((c) => c.functions)} functions have ${
          total((c) => c.forbidden.length)
        } floats, divisions or remainders`,
    failures,
    evidence: {
      tensors: countEach(Array.from(network.tensors.values(), ({ dtype }) => dtype)),
      constants: countEach(constants.values()),
      kernels: Object.entries(countEach(kernels)).map(([name, steps]) => ({ name, steps })),
      notGenerated,
      module: recordOf(ofModule),
      machineCode: recordOf(ofMachine),
    },
  };
}

/** The certificate, or why there can be none. */
function certify(make: () => IntegerCertificate): IntegerCertificate | string {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

function recordOf(certificate: IntegerCertificate | string | undefined) {
  if (typeof certificate !== "object") return undefined;
  return { ...certificate, opcodes: [...certificate.opcodes], forbidden: [...certificate.forbidden] };
}

function describeForbidden(forbidden: IntegerCertificate["forbidden"]): string[] {
  const shown = forbidden.slice(0, LISTED).map((found) => `${found.function}: ${found.what} at byte ${found.offset}`);
  const more = forbidden.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more float instructions, divisions or remainders`] : shown;
}

/** How often each value occurs, sorted by value. */
function countEach(values: Iterable<string>): Record<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => a < b ? -1 : 1));
}

export const integerOnly: Claim<"integer-only"> = {
  name: "integer-only",
  statement: "Between input and output there is no float tensor, no float instruction and no division",
  check,
};

import { weightLimit } from "../../arith/quantization.ts";
import { type IntegerProblem, isRecurrence } from "../../arith/problem.ts";
import type { IntegerNetwork, NetworkLayer } from "../../format/network.ts";
import { candidateBitsOf, candidateName, integerActivationBits, type Plan } from "../../format/plan.ts";
import type { EvidenceOf } from "../../format/verification.ts";
import { layersOf } from "../../ops/layers.ts";
import type { Claim, Finding } from "../claim.ts";
import { CHAIN_ROLES, type ChainFile, type Subject } from "../subject.ts";

type Evidence = EvidenceOf<"hash-chain">;

/**
 * Reading the files already compared every artefact with the hash of its own content and the constants with the hash in
 * the network; here the hashes that lead from one file to another are compared, and the bits that the plan gave with the
 * integers that the network holds.
 */
function check({ subject }: { subject: Subject }): Finding<"hash-chain"> {
  const { files, network, name, sealed } = subject;
  const links = linksBetween(files);
  const layers = layerBits(network, subject.plan);
  const failures = [
    ...sealed
      ? []
      : [`${name}: has no "integrity" line: it was written or edited by hand; make it again with quantize`],
    ...missingLinks(files),
    ...links.filter(({ status }) => status === "broken").map((link) => describeBreak(link, files)),
    ...layers.flatMap((layer) => layerFailures(layer, network)),
    ...planFailures(subject),
  ];
  const counts = (status: Evidence["links"][number]["status"]): number =>
    links.filter((link) => link.status === status).length;
  const notGiven = CHAIN_ROLES.filter((role) => links.some(({ to, status }) => to === role && status === "not given"));
  const remark = notGiven.length > 0 ? ` (not given: ${notGiven.join(", ")})` : "";
  return {
    verdict: "proven",
    summary: `${counts("holds")} of ${counts("holds") + counts("broken")} hashes between files agree${remark}; ` +
      `${layers.length} layers hold integers of their bits`,
    failures,
    evidence: { links, layers },
  };
}

/** Every hash that a file states of what it was made from, beside the hash of the file given in that role. */
function linksBetween(files: readonly ChainFile[]): Evidence["links"] {
  return files.flatMap(({ role: from, inputs }) =>
    Object.entries(inputs).map(([to, { sha256: stated }]): Evidence["links"][number] => {
      const found = files.find(({ role }) => role === to)?.sha256;
      return {
        from,
        to,
        stated,
        found,
        status: found === undefined ? "not given" : found === stated ? "holds" : "broken",
      };
    })
  );
}

/** The network must name its model, and every file given must be named by another one. */
function missingLinks(files: readonly ChainFile[]): string[] {
  const network = files.find(({ role }) => role === "network")!;
  return files.flatMap(({ role, name }) => {
    if (role === "network") return [];
    if (role === "model" && network.inputs.model === undefined) {
      return [`${network.name}: does not state the hash of the model that it was made from; make it with quantize`];
    }
    if (files.some(({ inputs }) => inputs[role] !== undefined)) return [];
    return [`${name}: no file given was made from a ${role}; leave it out, or give the file that was`];
  });
}

function describeBreak({ from, to, stated, found }: Evidence["links"][number], files: readonly ChainFile[]): string {
  const nameOf = (wanted: string): string => files.find(({ role }) => role === wanted)!.name;
  return `${nameOf(from)}: was made from the ${to} ${stated.slice(0, 12)}…, but ${nameOf(to)} is ${
    found!.slice(0, 12)
  }…; ` +
    `give the ${to} that belongs to it`;
}

/** The bits that the network states for each layer, and what its integers are. */
function layerBits({ layers, steps }: IntegerNetwork, plan: Plan | undefined): Evidence["layers"] {
  return layers.map(({ name, ...bits }) => {
    const planned = plan?.layers.find((layer) => layer.name === name);
    const problems = weightedProblems(steps, name);
    return {
      name,
      ...candidateBitsOf(bits),
      planned: planned && candidateName(planned),
      largestWeight: problems.reduce((most, { weights }) => largest(weights, most), 0),
      largestInput: problems.reduce((most, problem) => Math.max(most, largestInput(problem)), 0),
    };
  });
}

type WeightedProblem = Extract<IntegerProblem, { readonly weights: Int8Array }>;

function weightedProblems(steps: IntegerNetwork["steps"], name: string): WeightedProblem[] {
  return steps.flatMap(({ layer, problem }) =>
    layer === name && problem !== undefined && "weights" in problem ? [problem] : []
  );
}

/** Bits of the codes that each step of a layer takes; undefined where those are integers. */
function inputCodes(steps: IntegerNetwork["steps"], name: string): (number | undefined)[] {
  return steps.flatMap(({ layer, problem, inputs: [input] }) => {
    if (layer !== name || problem === undefined || !("weights" in problem)) return [];
    if (isRecurrence(problem)) return [problem.hiddenCodes];
    const producer = steps.find(({ output }) => output === input)?.problem;
    return [producer?.kind === "online_codes" ? producer.bits : undefined];
  });
}

/** Of recurrences, whose input is their output, 0. */
function largestInput(problem: WeightedProblem): number {
  if (problem.kind === "dynamic_product") return 2 ** problem.activationBits - 1;
  return problem.kind === "convolution" ? problem.inputHigh : 0;
}

function largest(values: Int8Array, atLeast: number): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), atLeast);
}

function layerFailures(layer: Evidence["layers"][number], { steps }: IntegerNetwork): string[] {
  const { name, weightBits, weightFormat, activationBits, activationFormat, planned, largestWeight, largestInput } =
    layer;
  const inputBits = integerActivationBits(layer);
  const bits = candidateName(layer);
  const failures: string[] = [];
  if (!steps.some((step) => step.layer === name)) failures.push(`layer ${name}: no step of the network computes it`);
  if (planned !== undefined && planned !== bits) {
    failures.push(`layer ${name}: the network has ${bits} bits, the plan gives it ${planned}`);
  }
  for (const { codes } of weightedProblems(steps, name)) {
    if (codes?.bits === (weightFormat === "codes" ? weightBits : undefined)) continue;
    failures.push(
      `layer ${name}: its weights are ${codes === undefined ? "integers" : `codes of ${codes.bits} bits`}, not ${bits}`,
    );
  }
  if (weightFormat === undefined && largestWeight > weightLimit(weightBits)) {
    failures.push(`layer ${name}: holds a weight of magnitude ${largestWeight}, beyond ${weightBits} bits`);
  }
  if (largestInput > 2 ** inputBits - 1) {
    failures.push(`layer ${name}: takes inputs up to ${largestInput}, beyond ${inputBits} bits`);
  }
  const codes = activationFormat === "codes" ? activationBits : undefined;
  for (const found of inputCodes(steps, name)) {
    if (found === codes) continue;
    failures.push(`layer ${name}: takes ${found === undefined ? "integers" : `codes of ${found} bits`}, not ${bits}`);
  }
  return failures;
}

/** A plan must speak of exactly the layers that the model and the network have in common. */
function planFailures({ network, plan, graph }: Subject): string[] {
  if (plan === undefined) return [];
  const inNetwork = new Set(network.layers.map(({ name }: NetworkLayer) => name));
  const inPlan = new Set(plan.layers.map(({ name }) => name));
  return [
    ...[...inPlan].filter((name) => !inNetwork.has(name)).map((name) =>
      `layer ${name}: the plan names it, not the network`
    ),
    ...layersOf(graph).filter(({ name }) => inNetwork.has(name) && !inPlan.has(name))
      .map(({ name }) => `layer ${name}: the network has it, the plan does not name it`),
  ];
}

export const hashChain: Claim<"hash-chain"> = {
  name: "hash-chain",
  statement: "The hashes form a chain from the model to the network, and every layer has the bits it was planned with",
  check,
};

import { STORED_RANGE } from "../arith/bounds.ts";
import { writtenInputs } from "../arith/problem.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { inputError } from "./error.ts";
import type { IntegerNetwork, NetworkTensor } from "./network.ts";
import { checkStep } from "./step_check.ts";

const PIXEL_HIGH = 255;

/**
 * Refuses a network whose parts do not fit: every step reads tensors that exist by then and writes one that nothing else
 * writes; sizes, dtypes, zero points and ranges of problems and tensors agree (`checkStep`). What passes can be run
 * without reading or writing outside a tensor, and holds every tensor's integers within the range it declares.
 * @throws DyadError (input) naming `where`, the step and the tensor.
 */
export function checkNetwork(network: IntegerNetwork, where: string): void {
  const fail = (message: string): never => {
    throw inputError(`${where}: ${message}`);
  };
  const tensorOf = (name: string, reader: string): NetworkTensor =>
    network.tensors.get(name) ?? fail(`${reader}: tensor ${name} is not in the list of tensors`);
  for (const tensor of network.tensors.values()) checkTensor(tensor, fail);

  const states = new Set(network.states?.map(({ tensor }) => tensor));
  const carried = new Set<string>();
  for (const name of states) tensorOf(name, "state");
  if (states.size < (network.states?.length ?? 0)) fail("one tensor is listed as two states");
  if (states.has(network.input.tensor)) fail(`the input tensor ${network.input.tensor} is listed as a state`);
  const defined = new Set([network.input.tensor, ...states]);
  const steps = new Set<string>();
  tensorOf(network.input.tensor, "input");
  for (const step of network.steps) {
    const reader = `step ${step.name}`;
    if (steps.has(step.name)) fail(`two steps are named ${step.name}`);
    steps.add(step.name);
    for (const input of step.inputs) {
      tensorOf(input, reader);
      if (!defined.has(input)) fail(`${reader} reads ${input} before a step writes it`);
    }
    if (defined.has(step.output)) fail(`tensor ${step.output} is written twice, by ${step.name}`);
    defined.add(step.output);
    const inputs = step.inputs.map((name) => tensorOf(name, reader));
    step.inputs.forEach((name, i) => {
      const isState = step.problem !== undefined && writtenInputs(step.problem).includes(i);
      if (isState !== states.has(name)) {
        fail(`${reader} reads ${name} ${isState ? "as a state, which is not listed as one" : "which is a state"}`);
      }
      if (isState && carried.has(name)) fail(`the state ${name} is carried by two steps`);
      if (isState) carried.add(name);
    });
    checkStep(step.problem, inputs, tensorOf(step.output, reader), (message) => fail(`${reader}: ${message}`));
  }
  const idle = [...states].find((name) => !carried.has(name));
  if (idle !== undefined) fail(`no step carries the state ${idle}`);
  if (states.has(network.output.tensor)) fail(`the output tensor ${network.output.tensor} is a state`);
  if (!defined.has(network.output.tensor)) fail(`no step writes the output tensor ${network.output.tensor}`);
  checkEnds(network, fail);
}

function checkTensor({ name, dtype, zeroPoint, low, high }: NetworkTensor, fail: (message: string) => never): void {
  const stored = STORED_RANGE[dtype];
  if (low < stored.low || high > stored.high || low > high) {
    fail(
      `tensor ${name} declares ${low} .. ${high}, expected a range within the ${stored.low} .. ${stored.high} of ${dtype}`,
    );
  }
  if (dtype === "i32" ? zeroPoint !== 0 : zeroPoint < stored.low || zeroPoint > stored.high) {
    fail(
      `tensor ${name} has the zero point ${zeroPoint}, expected ${
        dtype === "i32" ? "0 for i32" : `one that ${dtype} holds`
      }`,
    );
  }
}

/** What goes in and comes out is what `input` and `output` say of it. */
function checkEnds({ input, output, tensors }: IntegerNetwork, fail: (message: string) => never): void {
  for (const [role, { tensor, shape }] of [["input", input], ["output", output]] as const) {
    const found = tensors.get(tensor)!;
    if (sameShape(found.shape, shape)) continue;
    fail(`the ${role} has shape ${formatShape(shape)}, its tensor ${tensor} ${formatShape(found.shape)}`);
  }
  const { dtype, low, high, perChannel } = tensors.get(input.tensor)!;
  if (input.kind === "indices" && dtype !== "i32") {
    fail(`the input takes indices, its tensor ${input.tensor} holds ${dtype}, expected i32`);
  }
  if (perChannel) fail(`the input tensor ${input.tensor} has a scale per channel, expected one scale`);
  if (input.kind === "pixels" && (dtype !== "u8" || low > 0 || high < PIXEL_HIGH)) {
    fail(
      `the input takes pixels, its tensor ${input.tensor} holds ${low} .. ${high} as ${dtype}, expected 0 .. 255 as u8`,
    );
  }
  if (tensors.get(output.tensor)!.perChannel) {
    fail(`the output tensor ${output.tensor} has a scale per channel, expected one scale`);
  }
}

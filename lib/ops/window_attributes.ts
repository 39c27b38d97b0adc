import type { ImportNode } from "./operator.ts";
import type { AttributeSpec } from "./operator.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Window } from "../tensor/window.ts";

/** The part of a window that a node's attributes fix; the image's extents come from its input. */
export interface WindowAttributes {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
  /** Round the output extent up, so that the last window may hang over the padded image. */
  readonly ceilMode: boolean;
}

/** ONNX attributes of everything that slides a window. */
export const WINDOW_ATTRIBUTES: Readonly<Record<string, AttributeSpec>> = {
  auto_pad: { type: "string" },
  dilations: { type: "ints" },
  kernel_shape: { type: "ints" },
  pads: { type: "ints" },
  strides: { type: "ints" },
};

/**
 * Reads kernel, strides, dilations and pads of a 2-D window, resolving auto_pad against the input's extents (ONNX
 * operator specification: SAME_UPPER and SAME_LOWER give ceil(input / stride) outputs).
 */
export function parseWindow(node: ImportNode, kernel: readonly number[]): WindowAttributes {
  const input = node.input(0);
  if (input === undefined || input.shape.length !== 4) {
    node.fail(`found an input of rank ${input?.shape.length ?? "?"}, expected rank 4 (N, C, H, W): only 2-D windows`);
  }
  const pair = (name: string, fallback: number): [number, number] => {
    const value = node.attributes[name] as number[] | undefined;
    if (value === undefined) return [fallback, fallback];
    if (value.length !== 2 || value.some((v) => !Number.isInteger(v) || v < 1)) {
      node.fail(`attribute ${name} is [${value}], expected two positive integers`);
    }
    return [value[0], value[1]];
  };
  if (kernel.length !== 2 || kernel.some((extent) => extent < 1)) {
    node.fail(`the kernel is [${kernel}], expected two positive extents`);
  }
  const declared = node.attributes.kernel_shape as number[] | undefined;
  if (declared !== undefined && (declared[0] !== kernel[0] || declared[1] !== kernel[1])) {
    node.fail(`attribute kernel_shape is [${declared}], the weight's kernel is [${kernel}]`);
  }
  const strides = pair("strides", 1);
  const dilations = pair("dilations", 1);
  const pads = resolvePads(node, input.shape, kernel, strides, dilations);
  const ceilMode = node.attributes.ceil_mode === 1;
  return { kernel: [kernel[0], kernel[1]], strides, dilations, pads, ceilMode };
}

function resolvePads(
  node: ImportNode,
  shape: Shape,
  kernel: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
): [number, number, number, number] {
  const mode = (node.attributes.auto_pad as string | undefined) ?? "NOTSET";
  const explicit = node.attributes.pads as number[] | undefined;
  if (mode === "NOTSET" || mode === "") {
    const pads = explicit ?? [0, 0, 0, 0];
    if (pads.length !== 4 || pads.some((p) => p < 0)) {
      node.fail(`attribute pads is [${pads}], expected four integers that are not negative`);
    }
    return [pads[0], pads[1], pads[2], pads[3]];
  }
  if (mode === "VALID") return [0, 0, 0, 0];
  if (mode !== "SAME_UPPER" && mode !== "SAME_LOWER") {
    node.fail(`attribute auto_pad is ${JSON.stringify(mode)}, expected NOTSET, VALID, SAME_UPPER or SAME_LOWER`);
  }
  const split = (axis: 0 | 1): [number, number] => {
    const input = shape[2 + axis];
    const output = Math.ceil(input / strides[axis]);
    const total = Math.max((output - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 - input, 0);
    const less = Math.floor(total / 2);
    return mode === "SAME_UPPER" ? [less, total - less] : [total - less, less];
  };
  const [top, bottom] = split(0);
  const [left, right] = split(1);
  return [top, left, bottom, right];
}

/** The window over an input of shape N, C, H, W, or a message that says why it does not fit. */
export function windowOver(a: WindowAttributes, shape: Shape): Window | string {
  if (shape.length !== 4) return `found an input of rank ${shape.length}, expected rank 4 (N, C, H, W)`;
  const [, , inputHeight, inputWidth] = shape;
  const [padTop, padLeft, padBottom, padRight] = a.pads;
  const extent = (axis: 0 | 1, input: number, before: number, after: number): number => {
    const span = input + before + after - (a.kernel[axis] - 1) * a.dilations[axis] - 1;
    if (span < 0) return 0;
    if (!a.ceilMode) return Math.floor(span / a.strides[axis]) + 1;
    const count = Math.ceil(span / a.strides[axis]) + 1;
    // A window that would begin in the padding after the image is left out (ONNX MaxPool, ceil_mode).
    return (count - 1) * a.strides[axis] >= input + before ? count - 1 : count;
  };
  const outputHeight = extent(0, inputHeight, padTop, padBottom);
  const outputWidth = extent(1, inputWidth, padLeft, padRight);
  if (outputHeight < 1 || outputWidth < 1) {
    return `the ${a.kernel.join("x")} window does not fit the ${inputHeight}x${inputWidth} image with pads [${a.pads}]`;
  }
  return {
    inputHeight,
    inputWidth,
    outputHeight,
    outputWidth,
    kernelHeight: a.kernel[0],
    kernelWidth: a.kernel[1],
    strideY: a.strides[0],
    strideX: a.strides[1],
    dilationY: a.dilations[0],
    dilationX: a.dilations[1],
    padTop,
    padLeft,
    padBottom,
    padRight,
  };
}

/** The attributes with more padding on each side (top, left, bottom, right). */
export function withPads<A extends WindowAttributes>(attributes: A, more: readonly number[]): A {
  const [top, left, bottom, right] = attributes.pads;
  return { ...attributes, pads: [top + more[0], left + more[1], bottom + more[2], right + more[3]] };
}

import type { ActivationFunction } from "./activation_functions.ts";

/** Consecutive elements of a program's memory: a vector, or a matrix row by row. */
export interface Span {
  readonly start: number;
  readonly length: number;
}

/** A term of a sum: a vector times a number. */
export interface Term {
  readonly span: Span;
  readonly factor?: number;
}

/**
 * One operation on memories of one layout: `v` holds values, `t` tangents, `g` gradients, `d` the tangents of gradients.
 * Everything is added to what its target holds, from 0 on.
 */
interface Instruction {
  forward(v: Float64Array): void;
  tangent(v: Float64Array, t: Float64Array): void;
  gradient(v: Float64Array, g: Float64Array): void;
  gradientTangent(v: Float64Array, t: Float64Array, g: Float64Array, d: Float64Array): void;
}

/**
 * A straight line of operations on vectors in float64, recorded once and then run with its derivatives: what is written
 * as equations of one time step runs forward, along tangents, and backward through time.
 */
export class VectorProgram {
  readonly #instructions: Instruction[] = [];
  #size = 0;

  /** Elements that a run must be given: those of `input` filled, all others 0. */
  get size(): number {
    return this.#size;
  }

  /** Elements that no operation writes. */
  input(length: number): Span {
    return this.#allocate(length);
  }

  /** The matrix, row by row as long as the vector, times the vector. */
  product(matrix: Span, vector: Span): Span {
    const result = this.#allocate(matrix.length / vector.length);
    this.#instructions.push(product(matrix, vector, result));
    return result;
  }

  /** Elementwise product. */
  times(left: Span, right: Span): Span {
    const result = this.#allocate(left.length);
    this.#instructions.push(times(left, right, result));
    return result;
  }

  /** The sum of all terms and `offset`, element by element. */
  sum(terms: readonly Term[], offset = 0): Span {
    const result = this.#allocate(terms[0].span.length);
    this.#instructions.push(sum(terms, offset, result));
    return result;
  }

  /** The function of every element. */
  apply(activation: ActivationFunction, argument: Span): Span {
    const result = this.#allocate(argument.length);
    this.#instructions.push(apply(activation, argument, result));
    return result;
  }

  /** `length` elements that `compute` writes to its second argument; for `forward` only. */
  computed(length: number, argument: Span, compute: (argument: Float64Array, result: Float64Array) => void): Span {
    const result = this.#allocate(length);
    const fail = (): never => {
      throw new Error("a computed vector has no derivatives");
    };
    const partOf = (v: Float64Array, { start, length }: Span): Float64Array => v.subarray(start, start + length);
    const forward = (v: Float64Array): void => compute(partOf(v, argument), partOf(v, result));
    this.#instructions.push({ forward, tangent: fail, gradient: fail, gradientTangent: fail });
    return result;
  }

  /** The elements as `change` makes them of their float32 values; for `forward` only. */
  rewrite(argument: Span, change: (elements: Float32Array) => void): Span {
    return this.computed(argument.length, argument, (values, result) => {
      const elements = new Float32Array(values);
      change(elements);
      result.set(elements);
    });
  }

  #allocate(length: number): Span {
    const span = { start: this.#size, length };
    this.#size += length;
    return span;
  }

  forward(values: Float64Array): void {
    for (const instruction of this.#instructions) instruction.forward(values);
  }

  /** From tangents of the inputs to those of all results; `values` as `forward` left them. */
  tangent(values: Float64Array, tangents: Float64Array): void {
    for (const instruction of this.#instructions) instruction.tangent(values, tangents);
  }

  /** From gradients of results to those of everything that they are made from. */
  gradient(values: Float64Array, gradients: Float64Array): void {
    for (const instruction of this.#instructions.toReversed()) instruction.gradient(values, gradients);
  }

  /** The derivative of `gradient` along `tangents`, added to the derivatives of the results' gradients. */
  gradientTangent(values: Float64Array, tangents: Float64Array, gradients: Float64Array, along: Float64Array): void {
    for (const instruction of this.#instructions.toReversed()) {
      instruction.gradientTangent(values, tangents, gradients, along);
    }
  }
}

/** y += A x, A and x in memories of their own; four rows at a time, each summed in the order of its columns. */
function multiply(
  a: Float64Array,
  matrix: Span,
  x: Float64Array,
  { start, length: columns }: Span,
  y: Float64Array,
  result: Span,
): void {
  for (let row = 0; row < result.length; row += 4) {
    const rows = Math.min(4, result.length - row);
    const first = matrix.start + row * columns;
    const second = rows > 1 ? first + columns : first;
    const third = rows > 2 ? second + columns : first;
    const fourth = rows > 3 ? third + columns : first;
    let [p, q, r, s] = [0, 0, 0, 0];
    for (let k = 0; k < columns; k++) {
      const factor = x[start + k];
      p += a[first + k] * factor;
      q += a[second + k] * factor;
      r += a[third + k] * factor;
      s += a[fourth + k] * factor;
    }
    const sums = [p, q, r, s];
    for (let i = 0; i < rows; i++) y[result.start + row + i] += sums[i];
  }
}

/** x += A^T y. */
function multiplyTransposed(
  a: Float64Array,
  matrix: Span,
  y: Float64Array,
  result: Span,
  x: Float64Array,
  { start, length: columns }: Span,
): void {
  for (let row = 0; row < result.length; row++) {
    const factor = y[result.start + row];
    const first = matrix.start + row * columns;
    for (let k = 0; k < columns; k++) x[start + k] += a[first + k] * factor;
  }
}

/** A += y x^T. */
function addOuter(
  y: Float64Array,
  result: Span,
  x: Float64Array,
  { start, length: columns }: Span,
  a: Float64Array,
  matrix: Span,
): void {
  for (let row = 0; row < result.length; row++) {
    const factor = y[result.start + row];
    const first = matrix.start + row * columns;
    for (let k = 0; k < columns; k++) a[first + k] += factor * x[start + k];
  }
}

function product(m: Span, x: Span, y: Span): Instruction {
  return {
    forward: (v) => multiply(v, m, v, x, v, y),
    tangent(v, t) {
      multiply(v, m, t, x, t, y);
      multiply(t, m, v, x, t, y);
    },
    gradient(v, g) {
      multiplyTransposed(v, m, g, y, g, x);
      addOuter(g, y, v, x, g, m);
    },
    gradientTangent(v, t, g, d) {
      multiplyTransposed(v, m, d, y, d, x);
      multiplyTransposed(t, m, g, y, d, x);
      addOuter(d, y, v, x, d, m);
      addOuter(g, y, t, x, d, m);
    },
  };
}

function times({ start: a }: Span, { start: b }: Span, { start: y, length }: Span): Instruction {
  return {
    forward(v) {
      for (let i = 0; i < length; i++) v[y + i] += v[a + i] * v[b + i];
    },
    tangent(v, t) {
      for (let i = 0; i < length; i++) t[y + i] += t[a + i] * v[b + i] + v[a + i] * t[b + i];
    },
    gradient(v, g) {
      for (let i = 0; i < length; i++) {
        g[a + i] += g[y + i] * v[b + i];
        g[b + i] += g[y + i] * v[a + i];
      }
    },
    gradientTangent(v, t, g, d) {
      for (let i = 0; i < length; i++) {
        d[a + i] += d[y + i] * v[b + i] + g[y + i] * t[b + i];
        d[b + i] += d[y + i] * v[a + i] + g[y + i] * t[a + i];
      }
    },
  };
}

function sum(terms: readonly Term[], offset: number, { start: y, length }: Span): Instruction {
  const add = (memory: Float64Array): void => {
    for (const { span: { start }, factor = 1 } of terms) {
      for (let i = 0; i < length; i++) memory[y + i] += factor * memory[start + i];
    }
  };
  const addBack = (memory: Float64Array): void => {
    for (const { span: { start }, factor = 1 } of terms) {
      for (let i = 0; i < length; i++) memory[start + i] += factor * memory[y + i];
    }
  };
  return {
    forward(v) {
      v.fill(offset, y, y + length);
      add(v);
    },
    tangent: (_v, t) => add(t),
    gradient: (_v, g) => addBack(g),
    gradientTangent: (_v, _t, _g, d) => addBack(d),
  };
}

function apply(
  { value, slope, bend }: ActivationFunction,
  { start: x }: Span,
  { start: y, length }: Span,
): Instruction {
  return {
    forward(v) {
      for (let i = 0; i < length; i++) v[y + i] = value(v[x + i]);
    },
    tangent(v, t) {
      for (let i = 0; i < length; i++) t[y + i] += slope(v[x + i]) * t[x + i];
    },
    gradient(v, g) {
      for (let i = 0; i < length; i++) g[x + i] += slope(v[x + i]) * g[y + i];
    },
    gradientTangent(v, t, g, d) {
      for (let i = 0; i < length; i++) {
        d[x + i] += slope(v[x + i]) * d[y + i] + bend(v[x + i]) * t[x + i] * g[y + i];
      }
    },
  };
}

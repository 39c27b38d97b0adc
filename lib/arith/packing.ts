/**
 * Packing of signed integers of 2 to 8 bits into bytes, little-endian and dense: element i occupies bits
 * i*bits .. i*bits + bits - 1 of the byte string, two's complement, bit 0 the least significant of byte 0. An element may
 * straddle two bytes (3, 5, 6 and 7 bits). Length in bytes: ceil(count * bits / 8); the unused bits are 0.
 */
export const PACKING = "dense-lsb-first";

export function packedLength(count: number, bits: number): number {
  return Math.ceil(count * bits / 8);
}

/** @throws RangeError for an element that does not fit `bits`. */
export function packSigned(values: Int8Array, bits: number): Uint8Array {
  checkBits(bits);
  const limit = 2 ** (bits - 1);
  const packed = new Uint8Array(packedLength(values.length, bits));
  for (let i = 0; i < values.length; i++) {
    if (values[i] < -limit || values[i] >= limit) {
      throw new RangeError(`${values[i]} at ${i} does not fit ${bits} bits`);
    }
    const position = i * bits;
    const word = (values[i] & (2 ** bits - 1)) << (position & 7);
    packed[position >> 3] |= word;
    if (word > 255) packed[(position >> 3) + 1] |= word >> 8;
  }
  return packed;
}

/** @throws RangeError for a byte string of the wrong length. */
export function unpackSigned(packed: Uint8Array, bits: number, count: number): Int8Array {
  checkBits(bits);
  if (packed.length !== packedLength(count, bits)) {
    throw new RangeError(
      `${count} values of ${bits} bits take ${packedLength(count, bits)} bytes, found ${packed.length}`,
    );
  }
  const values = new Int8Array(count);
  const unused = 32 - bits;
  for (let i = 0; i < count; i++) {
    const position = i * bits;
    const word = packed[position >> 3] | (packed[(position >> 3) + 1] ?? 0) << 8;
    values[i] = (word >> (position & 7)) << unused >> unused;
  }
  return values;
}

function checkBits(bits: number): void {
  if (!Number.isInteger(bits) || bits < 2 || bits > 8) throw new RangeError(`packing takes 2 to 8 bits, found ${bits}`);
}

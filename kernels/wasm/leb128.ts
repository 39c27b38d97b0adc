/** LEB128 integers as WebAssembly writes them (core specification, section 5.2.2). */

export function unsignedLeb128(value: number): number[] {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** 32) {
    throw new RangeError(`${value} is not an unsigned 32-bit integer`);
  }
  const bytes: number[] = [];
  let rest = value >>> 0;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}

export function signedLeb128(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    const negative = (low & 0x40) !== 0;
    if ((rest === 0n && !negative) || (rest === -1n && negative)) {
      bytes.push(low);
      return bytes;
    }
    bytes.push(low | 0x80);
  }
}

/** A cursor over the bytes of a module. Reading past the end is an error that names the offset. */
export class ByteReader {
  constructor(readonly bytes: Uint8Array, public offset: number = 0, readonly end: number = bytes.length) {}

  get done(): boolean {
    return this.offset >= this.end;
  }

  byte(): number {
    if (this.offset >= this.end) throw new RangeError(`the WebAssembly module ends too early, at byte ${this.end}`);
    return this.bytes[this.offset++];
  }

  peek(): number {
    const value = this.byte();
    this.offset--;
    return value;
  }

  take(length: number): Uint8Array {
    const start = this.offset;
    if (start + length > this.end) {
      throw new RangeError(`the WebAssembly module ends too early: ${length} bytes expected at byte ${start}`);
    }
    this.offset += length;
    return this.bytes.subarray(start, start + length);
  }

  unsigned(): number {
    const value = this.unsignedBig();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new RangeError(`an index of ${value} before byte ${this.offset}`);
    }
    return Number(value);
  }

  unsignedBig(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError(`an integer of more than ten bytes before byte ${this.offset}`);
  }

  signed(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return (byte & 0x40) !== 0 ? value - (1n << (shift + 7n)) : value;
    }
    throw new RangeError(`an integer of more than ten bytes before byte ${this.offset}`);
  }

  /** The text of a name: length, then UTF-8. */
  name(): string {
    return new TextDecoder().decode(this.take(this.unsigned()));
  }

  /** `count`, then `count` results of `read`. */
  vector<T>(read: () => T): T[] {
    return Array.from({ length: this.unsigned() }, read);
  }
}

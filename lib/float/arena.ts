import { READ_SLACK } from "../../kernels/kernel.ts";
import { align, type Program } from "../../kernels/program.ts";

/** Float32 elements in a program's memory, at an address that is known once the program is built. */
export class Region {
  #address?: number;
  #data?: Float32Array;

  constructor(readonly length: number) {}

  get address(): number {
    return this.#address!;
  }

  get data(): Float32Array {
    return this.#data!;
  }

  bind(memory: WebAssembly.Memory, address: number): void {
    this.#address = address;
    this.#data = new Float32Array(memory.buffer, address, this.length);
  }
}

/** Regions side by side, reserved before a program is built with room for them and bound after. */
export class Arena {
  readonly #regions: { readonly region: Region; readonly offset: number }[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  reserve(length: number): Region {
    const region = new Region(length);
    this.#regions.push({ region, offset: this.#bytes });
    this.#bytes += align(4 * length + READ_SLACK);
    return region;
  }

  bind({ memory, arena }: Program): void {
    for (const { region, offset } of this.#regions) region.bind(memory, arena + offset);
  }
}

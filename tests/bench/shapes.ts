import { type Activation, type ConvOptions, RandomNetwork } from "./models/random_network.ts";
import type { BenchNetwork } from "./networks.ts";

const SEED = 1;
/** Layers in a row, so that what a network does at its ends hardly counts. */
const REPETITIONS = 4;

/** A network of `layers` over and over, on an image of these extents. */
function rowOf(name: string, image: readonly number[], ...layers: readonly ConvOptions[]): BenchNetwork {
  return {
    name: `${REPETITIONS} x ${name}`,
    batches: [1],
    model() {
      const net = new RandomNetwork(name, image, SEED);
      let x: Activation = net.input;
      for (let i = 0; i < REPETITIONS; i++) {
        for (const layer of layers) x = net.conv(x, { activation: "Relu", ...layer });
      }
      return net.finishAt(x);
    },
  };
}

function square(size: number, channels: number): BenchNetwork {
  return rowOf(`3x3, ${size}x${size}x${channels}`, [channels, size, size], { outputs: channels, kernel: 3 });
}

function bottleneck(size: number, narrow: number): BenchNetwork {
  const wide = 4 * narrow;
  return rowOf(
    `1x1 to ${wide} and back, ${size}x${size}x${narrow}`,
    [narrow, size, size],
    { outputs: wide, kernel: 1 },
    { outputs: narrow, kernel: 1 },
  );
}

function depthwise(size: number, channels: number): BenchNetwork {
  const layer = { outputs: channels, kernel: 3, groups: channels };
  return rowOf(`depthwise 3x3, ${size}x${size}x${channels}`, [channels, size, size], layer);
}

/** A matrix product of `rows` x `inner` by `inner` x `columns`, and one back. */
function product(rows: readonly [number, number], inner: number, columns: number): BenchNetwork {
  return rowOf(
    `GEMM ${rows[0] * rows[1]}x${inner}x${columns}`,
    [inner, ...rows],
    { outputs: columns, kernel: 1 },
    ...columns === inner ? [] : [{ outputs: inner, kernel: 1 }],
  );
}

/** Layers of ResNet18 and ResNet50, of MobileNetV2, and matrix products, each several times in a row. */
export const BENCH_SHAPES: readonly BenchNetwork[] = [
  square(56, 64),
  square(28, 128),
  square(14, 256),
  square(7, 512),
  bottleneck(56, 64),
  bottleneck(28, 128),
  bottleneck(14, 256),
  bottleneck(7, 512),
  depthwise(56, 144),
  depthwise(14, 384),
  product([16, 32], 512, 512),
  product([1, 1], 1024, 4096),
];

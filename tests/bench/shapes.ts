import { type Activation, type ConvOptions, RandomNetwork } from "./models/random_network.ts";
import type { BenchNetwork } from "./networks.ts";

const SEED = 1;
/** Layers in a row. What stands at the ends, from an image of one channel to a mean, hardly counts beside them. */
const REPETITIONS = 8;
const CLASSES = 10;

/** Fewer of large matrices by vectors, whose weights do not fit into a cache anyway. */
const GEMV_REPETITIONS = 2;

/** A network of `layers` over and over, on activations of these extents. */
function rowOf(name: string, [channels, ...size]: readonly number[], ...layers: readonly ConvOptions[]): BenchNetwork {
  const repetitions = size.every((extent) => extent === 1) ? GEMV_REPETITIONS : REPETITIONS;
  return {
    name: `${repetitions} x ${name}`,
    batches: [1],
    model() {
      const net = new RandomNetwork(name, [1, ...size], SEED);
      let x: Activation = net.conv(net.input, { outputs: channels, kernel: 1, activation: "Relu" });
      for (let i = 0; i < repetitions; i++) {
        for (const layer of layers) x = net.conv(x, { activation: "Relu", ...layer });
      }
      return net.finish(x, CLASSES);
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

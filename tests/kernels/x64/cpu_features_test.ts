import assert from "node:assert/strict";
import {
  type Cpuid,
  type CpuidRegisters,
  describeProcessor,
  requestTiles,
  thisProcessor,
} from "../../../kernels/x64/cpu_features.ts";

const NOTHING: CpuidRegisters = { eax: 0, ebx: 0, ecx: 0, edx: 0 };

/** A processor that answers with these registers, by "leaf.subleaf" in hexadecimal. */
function processor(answers: Readonly<Record<string, Partial<CpuidRegisters>>>): Cpuid {
  return (leaf, subleaf) => ({ ...NOTHING, ...answers[`${leaf.toString(16)}.${subleaf}`] });
}

const ALL = -1;
const EVERYTHING = {
  "0.0": { eax: 0x1f },
  "1.0": { ecx: ALL },
  "7.0": { eax: 1, ebx: ALL, ecx: ALL, edx: ALL },
  "7.1": { eax: ALL },
};
const FULL_STATE = 0x600e7;
const GRANTED = () => true;
const AVX512 = [
  "avx512f",
  "avx512cd",
  "avx512dq",
  "avx512bw",
  "avx512vl",
  "avx512_vnni",
  "avx512vbmi",
  "avx512_vpopcntdq",
];

Deno.test("a feature needs the state that the system saves", () => {
  const features = (state: number) => describeProcessor(processor(EVERYTHING), () => state, GRANTED).features;
  assert.deepEqual(features(FULL_STATE), ["fma", "avx2", "avx_vnni", ...AVX512, "amx_tile", "amx_int8"]);
  assert.deepEqual(features(0xe7), ["fma", "avx2", "avx_vnni", ...AVX512]);
  assert.deepEqual(features(0x67), ["fma", "avx2", "avx_vnni"]);
  assert.deepEqual(features(0x7), ["fma", "avx2", "avx_vnni"]);
  assert.deepEqual(features(0x3), []);
});

Deno.test("each feature is its own bit", () => {
  const leaf7 = (registers: Partial<CpuidRegisters>) =>
    describeProcessor(
      processor({ ...EVERYTHING, "1.0": { ecx: 1 << 27 }, "7.0": registers, "7.1": {} }),
      () => FULL_STATE,
      GRANTED,
    ).features;
  assert.deepEqual(leaf7({ ebx: 1 << 5 }), ["avx2"]);
  assert.deepEqual(leaf7({ ebx: 1 << 31 }), ["avx512vl"]);
  assert.deepEqual(leaf7({ ecx: 1 << 11 }), ["avx512_vnni"]);
  assert.deepEqual(leaf7({ edx: 1 << 25 }), ["amx_int8"]);
});

Deno.test("tiles need the permission of the system, which is asked for only where there are tiles", () => {
  const without = describeProcessor(processor(EVERYTHING), () => FULL_STATE, () => false).features;
  assert.deepEqual(without, ["fma", "avx2", "avx_vnni", ...AVX512]);
  const unasked = () => assert.fail("there are no tiles to ask for");
  assert.deepEqual(describeProcessor(processor(EVERYTHING), () => 0xe7, unasked).features, without);
});

Deno.test("leaves beyond the last are not believed, and XGETBV is not run where the system has not switched it on", () => {
  const refuse = () => assert.fail("XGETBV would fault");
  assert.deepEqual(describeProcessor(processor({ ...EVERYTHING, "1.0": { ecx: 0 } }), refuse, GRANTED).features, []);
  assert.deepEqual(
    describeProcessor(processor({ ...EVERYTHING, "0.0": { eax: 1 } }), () => FULL_STATE, GRANTED).features,
    [
      "fma",
    ],
  );
  const noSubleaf = processor({ ...EVERYTHING, "7.0": { eax: 0, ebx: 1 << 5 } });
  assert.deepEqual(describeProcessor(noSubleaf, () => FULL_STATE, GRANTED).features, ["fma", "avx2"]);
});

Deno.test("the brand is the name of the processor, or of its vendor", () => {
  const words = (text: string) => [...new Uint32Array(new TextEncoder().encode(text).buffer)];
  const [ebx, edx, ecx] = words("GenuineIntel");
  const vendor = { "0.0": { eax: 1, ebx, ecx, edx } };
  assert.equal(describeProcessor(processor(vendor), () => 0, GRANTED).brand, "GenuineIntel");
  const name = words("A Processor @ 2.1 GHz".padEnd(48, "\0"));
  const registers = [0, 4, 8].map((i) => ({ eax: name[i], ebx: name[i + 1], ecx: name[i + 2], edx: name[i + 3] }));
  const named = {
    ...vendor,
    "80000000.0": { eax: 0x80000008 },
    "80000002.0": registers[0],
    "80000003.0": registers[1],
    "80000004.0": registers[2],
  };
  assert.equal(describeProcessor(processor(named), () => 0, GRANTED).brand, "A Processor @ 2.1 GHz");
});

Deno.test({
  name: "what generated code finds is what Linux found",
  ignore: Deno.build.os !== "linux" || Deno.build.arch !== "x86_64",
  fn() {
    const info = Deno.readTextFileSync("/proc/cpuinfo");
    const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(info)![1];
    const flags = new Set(field("flags").split(" "));
    const all = describeProcessor(processor(EVERYTHING), () => FULL_STATE, GRANTED).features;
    const { brand, features } = thisProcessor();
    assert.deepEqual(features, all.filter((name) => flags.has(name)));
    assert.equal(brand, field("model name").trim());
    assert.equal(requestTiles(), flags.has("amx_tile"));
  },
});

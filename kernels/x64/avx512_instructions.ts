import type { InstructionRow } from "./instructions.ts";

/** AVX-512: F, BW, DQ and VL, with VNNI: what the kernels use. */
export const AVX512_INSTRUCTIONS = [
  ["vmovdqu32", ["v{kz}", "v/m"], "RM", "EVEX.F3.0F.W0 6F /r"],
  ["vmovdqu32", ["m{k}", "v"], "MR", "EVEX.F3.0F.W0 7F /r"],
  ["vmovdqu64", ["v{kz}", "v/m"], "RM", "EVEX.F3.0F.W1 6F /r"],
  ["vmovdqu64", ["m{k}", "v"], "MR", "EVEX.F3.0F.W1 7F /r"],
  ["vpbroadcastd", ["v{kz}", "x/m32"], "RM", "EVEX.66.0F38.W0 58 /r"],
  ["vpbroadcastq", ["v{kz}", "x/m64"], "RM", "EVEX.66.0F38.W1 59 /r"],
  ["vpdpbusd", ["v{kz}", "v", "v/m/b32"], "RVM", "EVEX.66.0F38.W0 50 /r"],
  ["vpdpwssd", ["v{kz}", "v", "v/m/b32"], "RVM", "EVEX.66.0F38.W0 52 /r"],
  ["vpaddd", ["v{kz}", "v", "v/m/b32"], "RVM", "EVEX.66.0F.W0 FE /r"],
  ["vpaddq", ["v{kz}", "v", "v/m/b64"], "RVM", "EVEX.66.0F.W1 D4 /r"],
  ["vpmuldq", ["v{kz}", "v", "v/m/b64"], "RVM", "EVEX.66.0F38.W1 28 /r"],
  ["vpsrlq", ["v{kz}", "v/m/b64", "uimm8"], "VMI", "EVEX.66.0F.W1 73 /2 ib"],
  ["vpsllq", ["v{kz}", "v/m/b64", "uimm8"], "VMI", "EVEX.66.0F.W1 73 /6 ib"],
  ["vpsravq", ["v{kz}", "v", "v/m/b64"], "RVM", "EVEX.66.0F38.W1 46 /r"],
  ["vpmaxsq", ["v{kz}", "v", "v/m/b64"], "RVM", "EVEX.66.0F38.W1 3D /r"],
  ["vpminsq", ["v{kz}", "v", "v/m/b64"], "RVM", "EVEX.66.0F38.W1 39 /r"],
  ["vpmovzxbd", ["v{kz}", "quarter/m"], "RM", "EVEX.66.0F38.W0 31 /r"],
  ["vpmovzxwd", ["v{kz}", "half/m"], "RM", "EVEX.66.0F38.W0 33 /r"],
  ["vpmovdb", ["quarter/m{k}", "v"], "MR", "EVEX.F3.0F38.W0 31 /r"],
  ["vpmovdw", ["half/m{k}", "v"], "MR", "EVEX.F3.0F38.W0 33 /r"],
  ["kmovw", ["k", "r32"], "RM", "VEX.0F.W0 92 /r"],
  ["vzeroupper", [], "", "VEX.0F.W0 77"],
] as const satisfies readonly InstructionRow[];

/**
 * The instructions of WebAssembly, once: name, bytes, and what follows the opcode. The emitter and the disassembler both
 * read this table (core specification 2.0, appendix "Index of Instructions"; relaxed SIMD proposal). Names written in one
 * string have consecutive codes from the number before it.
 */

/** What follows an opcode in the byte stream. */
export type Immediates =
  | "none"
  | "block_type"
  | "index" // one unsigned: label, local, global, function or table
  | "index_pair" // two unsigned: call_indirect, memory.init, table.copy and their kin
  | "label_table"
  | "value_types"
  | "heap_type"
  | "i32"
  | "i64"
  | "f32"
  | "f64"
  | "v128"
  | "memory" // alignment hint and offset
  | "memory_lane" // alignment hint, offset, lane
  | "lane"
  | "shuffle"; // sixteen lanes

/** Prefix bytes: 0 stands for none. */
const PLAIN = 0;
const SATURATING_AND_BULK = 0xfc;
const SIMD = 0xfd;

const GROUPS = [
  {
    prefix: PLAIN,
    immediates: "none",
    runs: [
      [0x00, "unreachable nop"],
      [0x05, "else"],
      [0x0b, "end"],
      [0x0f, "return"],
      [0x1a, "drop select"],
      [0x45, "i32.eqz i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u"],
      [0x50, "i64.eqz i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u"],
      [0x5b, "f32.eq f32.ne f32.lt f32.gt f32.le f32.ge f64.eq f64.ne f64.lt f64.gt f64.le f64.ge"],
      [0x67, "i32.clz i32.ctz i32.popcnt i32.add i32.sub i32.mul i32.div_s i32.div_u i32.rem_s i32.rem_u i32.and"],
      [0x72, "i32.or i32.xor i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr"],
      [0x79, "i64.clz i64.ctz i64.popcnt i64.add i64.sub i64.mul i64.div_s i64.div_u i64.rem_s i64.rem_u i64.and"],
      [0x84, "i64.or i64.xor i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr"],
      [0x8b, "f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt f32.add f32.sub f32.mul f32.div"],
      [0x96, "f32.min f32.max f32.copysign"],
      [0x99, "f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt f64.add f64.sub f64.mul f64.div"],
      [0xa4, "f64.min f64.max f64.copysign"],
      [0xa7, "i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u"],
      [0xac, "i64.extend_i32_s i64.extend_i32_u i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u"],
      [0xb2, "f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s f32.convert_i64_u f32.demote_f64"],
      [0xb7, "f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u f64.promote_f32"],
      [0xbc, "i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64"],
      [0xc0, "i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s"],
      [0xd1, "ref.is_null"],
    ],
  },
  { prefix: PLAIN, immediates: "block_type", runs: [[0x02, "block loop if"]] },
  {
    prefix: PLAIN,
    immediates: "index",
    runs: [
      [0x0c, "br br_if"],
      [0x10, "call"],
      [0x20, "local.get local.set local.tee global.get global.set table.get table.set"],
      [0x3f, "memory.size memory.grow"],
      [0xd2, "ref.func"],
    ],
  },
  { prefix: PLAIN, immediates: "label_table", runs: [[0x0e, "br_table"]] },
  { prefix: PLAIN, immediates: "index_pair", runs: [[0x11, "call_indirect"]] },
  { prefix: PLAIN, immediates: "value_types", runs: [[0x1c, "select_typed"]] },
  { prefix: PLAIN, immediates: "heap_type", runs: [[0xd0, "ref.null"]] },
  { prefix: PLAIN, immediates: "i32", runs: [[0x41, "i32.const"]] },
  { prefix: PLAIN, immediates: "i64", runs: [[0x42, "i64.const"]] },
  { prefix: PLAIN, immediates: "f32", runs: [[0x43, "f32.const"]] },
  { prefix: PLAIN, immediates: "f64", runs: [[0x44, "f64.const"]] },
  {
    prefix: PLAIN,
    immediates: "memory",
    runs: [
      [0x28, "i32.load i64.load f32.load f64.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u"],
      [0x30, "i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u"],
      [0x36, "i32.store i64.store f32.store f64.store i32.store8 i32.store16 i64.store8 i64.store16 i64.store32"],
    ],
  },
  {
    prefix: SATURATING_AND_BULK,
    immediates: "none",
    runs: [
      [0x00, "i32.trunc_sat_f32_s i32.trunc_sat_f32_u i32.trunc_sat_f64_s i32.trunc_sat_f64_u"],
      [0x04, "i64.trunc_sat_f32_s i64.trunc_sat_f32_u i64.trunc_sat_f64_s i64.trunc_sat_f64_u"],
    ],
  },
  {
    prefix: SATURATING_AND_BULK,
    immediates: "index",
    runs: [[0x09, "data.drop"], [0x0b, "memory.fill"], [0x0d, "elem.drop"], [0x0f, "table.grow table.size table.fill"]],
  },
  {
    prefix: SATURATING_AND_BULK,
    immediates: "index_pair",
    runs: [[0x08, "memory.init"], [0x0a, "memory.copy"], [0x0c, "table.init"], [0x0e, "table.copy"]],
  },
  {
    prefix: SIMD,
    immediates: "memory",
    runs: [
      [0x00, "v128.load v128.load8x8_s v128.load8x8_u v128.load16x4_s v128.load16x4_u v128.load32x2_s"],
      [0x06, "v128.load32x2_u v128.load8_splat v128.load16_splat v128.load32_splat v128.load64_splat v128.store"],
      [0x5c, "v128.load32_zero v128.load64_zero"],
    ],
  },
  {
    prefix: SIMD,
    immediates: "memory_lane",
    runs: [
      [0x54, "v128.load8_lane v128.load16_lane v128.load32_lane v128.load64_lane"],
      [0x58, "v128.store8_lane v128.store16_lane v128.store32_lane v128.store64_lane"],
    ],
  },
  { prefix: SIMD, immediates: "v128", runs: [[0x0c, "v128.const"]] },
  { prefix: SIMD, immediates: "shuffle", runs: [[0x0d, "i8x16.shuffle"]] },
  {
    prefix: SIMD,
    immediates: "lane",
    runs: [
      [0x15, "i8x16.extract_lane_s i8x16.extract_lane_u i8x16.replace_lane"],
      [0x18, "i16x8.extract_lane_s i16x8.extract_lane_u i16x8.replace_lane"],
      [0x1b, "i32x4.extract_lane i32x4.replace_lane i64x2.extract_lane i64x2.replace_lane"],
      [0x1f, "f32x4.extract_lane f32x4.replace_lane f64x2.extract_lane f64x2.replace_lane"],
    ],
  },
  {
    prefix: SIMD,
    immediates: "none",
    runs: [
      [0x0e, "i8x16.swizzle i8x16.splat i16x8.splat i32x4.splat i64x2.splat f32x4.splat f64x2.splat"],
      [
        0x23,
        "i8x16.eq i8x16.ne i8x16.lt_s i8x16.lt_u i8x16.gt_s i8x16.gt_u i8x16.le_s i8x16.le_u i8x16.ge_s i8x16.ge_u",
      ],
      [
        0x2d,
        "i16x8.eq i16x8.ne i16x8.lt_s i16x8.lt_u i16x8.gt_s i16x8.gt_u i16x8.le_s i16x8.le_u i16x8.ge_s i16x8.ge_u",
      ],
      [
        0x37,
        "i32x4.eq i32x4.ne i32x4.lt_s i32x4.lt_u i32x4.gt_s i32x4.gt_u i32x4.le_s i32x4.le_u i32x4.ge_s i32x4.ge_u",
      ],
      [0x41, "f32x4.eq f32x4.ne f32x4.lt f32x4.gt f32x4.le f32x4.ge"],
      [0x47, "f64x2.eq f64x2.ne f64x2.lt f64x2.gt f64x2.le f64x2.ge"],
      [0x4d, "v128.not v128.and v128.andnot v128.or v128.xor v128.bitselect v128.any_true"],
      [0x5e, "f32x4.demote_f64x2_zero f64x2.promote_low_f32x4"],
      [0x60, "i8x16.abs i8x16.neg i8x16.popcnt i8x16.all_true i8x16.bitmask i8x16.narrow_i16x8_s i8x16.narrow_i16x8_u"],
      [0x67, "f32x4.ceil f32x4.floor f32x4.trunc f32x4.nearest i8x16.shl i8x16.shr_s i8x16.shr_u"],
      [0x6e, "i8x16.add i8x16.add_sat_s i8x16.add_sat_u i8x16.sub i8x16.sub_sat_s i8x16.sub_sat_u"],
      [0x74, "f64x2.ceil f64x2.floor i8x16.min_s i8x16.min_u i8x16.max_s i8x16.max_u f64x2.trunc i8x16.avgr_u"],
      [0x7c, "i16x8.extadd_pairwise_i8x16_s i16x8.extadd_pairwise_i8x16_u"],
      [0x7e, "i32x4.extadd_pairwise_i16x8_s i32x4.extadd_pairwise_i16x8_u"],
      [0x80, "i16x8.abs i16x8.neg i16x8.q15mulr_sat_s i16x8.all_true i16x8.bitmask"],
      [0x85, "i16x8.narrow_i32x4_s i16x8.narrow_i32x4_u i16x8.extend_low_i8x16_s i16x8.extend_high_i8x16_s"],
      [0x89, "i16x8.extend_low_i8x16_u i16x8.extend_high_i8x16_u i16x8.shl i16x8.shr_s i16x8.shr_u"],
      [0x8e, "i16x8.add i16x8.add_sat_s i16x8.add_sat_u i16x8.sub i16x8.sub_sat_s i16x8.sub_sat_u f64x2.nearest"],
      [0x95, "i16x8.mul i16x8.min_s i16x8.min_u i16x8.max_s i16x8.max_u"],
      [0x9b, "i16x8.avgr_u i16x8.extmul_low_i8x16_s i16x8.extmul_high_i8x16_s"],
      [0x9e, "i16x8.extmul_low_i8x16_u i16x8.extmul_high_i8x16_u i32x4.abs i32x4.neg"],
      [0xa3, "i32x4.all_true i32x4.bitmask"],
      [0xa7, "i32x4.extend_low_i16x8_s i32x4.extend_high_i16x8_s i32x4.extend_low_i16x8_u i32x4.extend_high_i16x8_u"],
      [0xab, "i32x4.shl i32x4.shr_s i32x4.shr_u i32x4.add"],
      [0xb1, "i32x4.sub"],
      [0xb5, "i32x4.mul i32x4.min_s i32x4.min_u i32x4.max_s i32x4.max_u i32x4.dot_i16x8_s"],
      [0xbc, "i32x4.extmul_low_i16x8_s i32x4.extmul_high_i16x8_s i32x4.extmul_low_i16x8_u i32x4.extmul_high_i16x8_u"],
      [0xc0, "i64x2.abs i64x2.neg"],
      [0xc3, "i64x2.all_true i64x2.bitmask"],
      [0xc7, "i64x2.extend_low_i32x4_s i64x2.extend_high_i32x4_s i64x2.extend_low_i32x4_u i64x2.extend_high_i32x4_u"],
      [0xcb, "i64x2.shl i64x2.shr_s i64x2.shr_u i64x2.add"],
      [0xd1, "i64x2.sub"],
      [0xd5, "i64x2.mul i64x2.eq i64x2.ne i64x2.lt_s i64x2.gt_s i64x2.le_s i64x2.ge_s"],
      [0xdc, "i64x2.extmul_low_i32x4_s i64x2.extmul_high_i32x4_s i64x2.extmul_low_i32x4_u i64x2.extmul_high_i32x4_u"],
      [0xe0, "f32x4.abs f32x4.neg"],
      [0xe3, "f32x4.sqrt f32x4.add f32x4.sub f32x4.mul f32x4.div f32x4.min f32x4.max f32x4.pmin f32x4.pmax"],
      [0xec, "f64x2.abs f64x2.neg"],
      [0xef, "f64x2.sqrt f64x2.add f64x2.sub f64x2.mul f64x2.div f64x2.min f64x2.max f64x2.pmin f64x2.pmax"],
      [0xf8, "i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u f32x4.convert_i32x4_s f32x4.convert_i32x4_u"],
      [0xfc, "i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero f64x2.convert_low_i32x4_s"],
      [0xff, "f64x2.convert_low_i32x4_u i8x16.relaxed_swizzle"],
      [0x101, "i32x4.relaxed_trunc_f32x4_s i32x4.relaxed_trunc_f32x4_u"],
      [0x103, "i32x4.relaxed_trunc_f64x2_s_zero i32x4.relaxed_trunc_f64x2_u_zero"],
      [0x105, "f32x4.relaxed_madd f32x4.relaxed_nmadd f64x2.relaxed_madd f64x2.relaxed_nmadd"],
      [0x109, "i8x16.relaxed_laneselect i16x8.relaxed_laneselect i32x4.relaxed_laneselect i64x2.relaxed_laneselect"],
      [0x10d, "f32x4.relaxed_min f32x4.relaxed_max f64x2.relaxed_min f64x2.relaxed_max i16x8.relaxed_q15mulr_s"],
      [0x112, "i16x8.relaxed_dot_i8x16_i7x16_s i32x4.relaxed_dot_i8x16_i7x16_add_s"],
    ],
  },
] as const;

type Group = (typeof GROUPS)[number];
type Words<Text extends string, Seen extends string = never> = Text extends `${infer First} ${infer Rest}`
  ? Words<Rest, Seen | First>
  : Seen | Text;

/** Names of the instructions that have these immediates. */
export type NameOf<I extends Immediates> = Words<Extract<Group, { immediates: I }>["runs"][number][1]>;
export type OpcodeName = Words<Group["runs"][number][1]>;

export interface Opcode {
  readonly name: OpcodeName;
  /** 0, or the byte before the code; a prefixed code is a LEB128 integer. */
  readonly prefix: number;
  readonly code: number;
  readonly immediates: Immediates;
}

export const OPCODES: readonly Opcode[] = GROUPS.flatMap(({ prefix, immediates, runs }) =>
  runs.flatMap(([first, names]) =>
    names.split(" ").map((name, i): Opcode => ({ name: name as OpcodeName, prefix, code: first + i, immediates }))
  )
);

/** Whether `prefix` announces a second, LEB128-coded part of an opcode. */
export function isPrefix(byte: number): boolean {
  return byte === SATURATING_AND_BULK || byte === SIMD;
}

/** Value types and their bytes; 0x40 is the empty block type. */
export const VALUE_TYPES = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
} as const;
export type ValueType = keyof typeof VALUE_TYPES;
export const EMPTY_BLOCK = 0x40;

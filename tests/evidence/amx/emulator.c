/*
 * Executes the tile instructions that the assembler has (AMX-INT8) on a processor that lacks them, in a library for
 * LD_PRELOAD: each of them raises SIGILL there, whose handler computes it on tiles of its own and on the memory of the
 * process, and goes on behind it. What a processor would refuse ends the process with a message. Written from Intel's
 * Software Developer's Manual, volume 2 (operation of each instruction) and volume 1, chapter 18 (configuration).
 *
 *     gcc -O3 -shared -fPIC -o emulator.so emulator.c && LD_PRELOAD=./emulator.so program
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { TILES = 8, ROWS_MAX = 16, ROW_BYTES_MAX = 64, PALETTE_MAX = 1 };

struct tile {
  uint8_t rows;
  uint16_t row_bytes;
  uint8_t bytes[ROWS_MAX][ROW_BYTES_MAX];
};

/* State of each thread; the model keeps the handler from allocating memory. */
#define OF_THREAD static __thread __attribute__((tls_model("initial-exec")))
OF_THREAD int is_configured;
OF_THREAD struct tile tiles[TILES];

static uint64_t executed;
static struct sigaction previous;

/* Tile instructions that were executed so far, by all threads. */
uint64_t emulated_instructions(void) { return __atomic_load_n(&executed, __ATOMIC_RELAXED); }

static void refuse(const char *fault, const char *reason, const uint8_t *at) {
  fprintf(stderr, "emulated tiles: #%s: %s, at", fault, reason);
  for (int i = 0; i < 10; i++) fprintf(stderr, " %02x", at[i]);
  fprintf(stderr, "\n");
  abort();
}

static void require(int condition, const char *fault, const char *reason, const uint8_t *at) {
  if (!condition) refuse(fault, reason, at);
}

/* An instruction with a three-byte VEX prefix and ModRM (SDM volume 2, sections 2.1.5 and 2.3). */
struct instruction {
  const uint8_t *start;
  int opcode, prefix, w, length256, vvvv, reg, rm, is_memory;
  /* Of a memory operand: its address without the index, and the index scaled. */
  uint64_t base;
  int64_t index;
  int has_sib;
  int bytes;
};

enum { NO_PREFIX, PREFIX_66, PREFIX_F3, PREFIX_F2 };

static const int REGISTERS[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                  REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static int64_t general(const ucontext_t *context, int number) { return context->uc_mcontext.gregs[REGISTERS[number]]; }

/* Reads the instruction at `code`; 0 when its prefix or opcode map is another. */
static int decode(const ucontext_t *context, const uint8_t *code, struct instruction *i) {
  if (code[0] != 0xc4 || (code[1] & 0x1f) != 2) return 0;
  int r = !(code[1] & 0x80), x = !(code[1] & 0x40), b = !(code[1] & 0x20);
  i->start = code;
  i->w = code[2] >> 7;
  i->vvvv = ~(code[2] >> 3) & 15;
  i->length256 = code[2] >> 2 & 1;
  i->prefix = code[2] & 3;
  i->opcode = code[3];
  int modrm = code[4], mode = modrm >> 6;
  i->reg = r << 3 | (modrm >> 3 & 7);
  i->rm = b << 3 | (modrm & 7);
  i->is_memory = mode != 3;
  i->has_sib = i->is_memory && (modrm & 7) == 4;
  i->bytes = 5;
  i->base = 0;
  i->index = 0;
  if (!i->is_memory) return 1;
  int base = modrm & 7;
  if (i->has_sib) {
    int sib = code[i->bytes++], index = x << 3 | (sib >> 3 & 7);
    base = sib & 7;
    if (index != 4) i->index = general(context, index) * (1 << (sib >> 6));
  }
  int displacement_bytes = mode == 1 ? 1 : mode == 2 ? 4 : 0;
  if (base == 5 && mode == 0) {
    require(i->has_sib, "UD", "addresses relative to the instruction are not emulated", code);
    displacement_bytes = 4;
  } else {
    i->base = general(context, b << 3 | base);
  }
  int32_t displacement = 0;
  if (displacement_bytes == 1) displacement = (int8_t)code[i->bytes];
  if (displacement_bytes == 4) memcpy(&displacement, code + i->bytes, 4);
  i->base += (int64_t)displacement;
  i->bytes += displacement_bytes;
  return 1;
}

static void release(void) {
  is_configured = 0;
  memset(tiles, 0, sizeof tiles);
}

/* LDTILECFG: palette, start row, 14 reserved bytes, 16 row lengths of 16 bits, 16 row counts. */
static void load_configuration(const uint8_t *memory, const uint8_t *at) {
  uint8_t configuration[64];
  memcpy(configuration, memory, 64);
  require(configuration[0] <= PALETTE_MAX, "GP", "there is no such palette", at);
  if (configuration[0] == 0) return release();
  require(configuration[1] == 0, "GP", "a start row is not emulated", at);
  for (int i = 2; i < 16; i++) require(configuration[i] == 0, "GP", "a reserved byte is not 0", at);
  for (int t = 0; t < 16; t++) {
    uint16_t row_bytes;
    memcpy(&row_bytes, configuration + 16 + 2 * t, 2);
    uint8_t rows = configuration[48 + t];
    if (t >= TILES) {
      require(row_bytes == 0 && rows == 0, "GP", "a tile that does not exist is configured", at);
      continue;
    }
    require(row_bytes <= ROW_BYTES_MAX && rows <= ROWS_MAX, "GP", "a tile is larger than 16 rows of 64 bytes", at);
    require((row_bytes == 0) == (rows == 0), "GP", "a tile has rows without bytes or bytes without rows", at);
  }
  release();
  for (int t = 0; t < TILES; t++) {
    memcpy(&tiles[t].row_bytes, configuration + 16 + 2 * t, 2);
    tiles[t].rows = configuration[48 + t];
  }
  is_configured = 1;
}

static struct tile *configured(int number, const uint8_t *at) {
  require(is_configured, "UD", "tiles are not configured", at);
  require(number < TILES, "UD", "there are 8 tiles", at);
  require(tiles[number].rows > 0, "UD", "this tile is not configured", at);
  return &tiles[number];
}

static void load(struct tile *tile, uint64_t start, int64_t pitch) {
  memset(tile->bytes, 0, sizeof tile->bytes);
  for (int row = 0; row < tile->rows; row++) {
    memcpy(tile->bytes[row], (const void *)(start + row * pitch), tile->row_bytes);
  }
}

static void store(const struct tile *tile, uint64_t start, int64_t pitch) {
  for (int row = 0; row < tile->rows; row++) {
    memcpy((void *)(start + row * pitch), tile->bytes[row], tile->row_bytes);
  }
}

static int32_t extend(uint8_t byte, int is_signed) { return is_signed ? (int8_t)byte : byte; }

/* TDPB[SU][SU]D: products of bytes, added to sums of 32 bits that wrap. */
static void multiply(struct tile *sums, const struct tile *a, const struct tile *b, int a_signed, int b_signed) {
  for (int row = 0; row < sums->rows; row++) {
    uint32_t accumulators[ROW_BYTES_MAX / 4] = {0};
    memcpy(accumulators, sums->bytes[row], sums->row_bytes);
    for (int k = 0; k < a->row_bytes / 4; k++) {
      for (int n = 0; n < sums->row_bytes / 4; n++) {
        for (int i = 0; i < 4; i++) {
          accumulators[n] +=
              (uint32_t)(extend(a->bytes[row][4 * k + i], a_signed) * extend(b->bytes[k][4 * n + i], b_signed));
        }
      }
    }
    memset(sums->bytes[row], 0, ROW_BYTES_MAX);
    memcpy(sums->bytes[row], accumulators, sums->row_bytes);
  }
  memset(sums->bytes[sums->rows], 0, (ROWS_MAX - sums->rows) * (size_t)ROW_BYTES_MAX);
}

static void check_and_multiply(const struct instruction *i) {
  const uint8_t *at = i->start;
  struct tile *sums = configured(i->reg, at), *a = configured(i->rm, at), *b = configured(i->vvvv, at);
  require(sums != a && sums != b && a != b, "UD", "the three tiles of a product must differ", at);
  require(sums->row_bytes % 4 == 0 && a->row_bytes % 4 == 0 && b->row_bytes % 4 == 0, "UD",
          "rows of a product are not whole elements of 32 bits", at);
  require(sums->rows == a->rows, "UD", "sums and left factor differ in rows", at);
  require(a->row_bytes / 4 == b->rows, "UD", "rows of the left factor do not fit the right one", at);
  require(sums->row_bytes == b->row_bytes, "UD", "rows of sums and right factor differ", at);
  multiply(sums, a, b, i->prefix == PREFIX_F2 || i->prefix == PREFIX_F3,
           i->prefix == PREFIX_F2 || i->prefix == PREFIX_66);
}

/* Executes the instruction; 0 when it is none of tiles. */
static int execute(const struct instruction *i) {
  const uint8_t *at = i->start;
  if (i->opcode != 0x49 && i->opcode != 0x4b && i->opcode != 0x5e) return 0;
  require(i->w == 0 && i->length256 == 0, "UD", "VEX.W and VEX.L must be 0", at);
  if (i->opcode == 0x5e) {
    require(!i->is_memory, "UD", "factors are tiles", at);
    check_and_multiply(i);
    return 1;
  }
  require(i->vvvv == 0, "UD", "VEX.vvvv must be 1111b", at);
  if (i->opcode == 0x4b) {
    require(i->is_memory && i->has_sib, "UD", "tiles are loaded and stored with a SIB byte", at);
    require(i->prefix == PREFIX_F2 || i->prefix == PREFIX_F3, "UD", "this instruction is not emulated", at);
    struct tile *tile = configured(i->reg, at);
    if (i->prefix == PREFIX_F3) store(tile, i->base, i->index); /* TILESTORED */
    else load(tile, i->base, i->index);                         /* TILELOADD */
    return 1;
  }
  if (i->is_memory) {
    require(i->reg == 0 && i->prefix == NO_PREFIX, "UD", "this instruction is not emulated", at);
    load_configuration((const uint8_t *)(i->base + i->index), at);
    return 1;
  }
  if (i->prefix == NO_PREFIX && i->reg == 0 && i->rm == 0) { /* TILERELEASE */
    release();
    return 1;
  }
  require(i->prefix == PREFIX_F2 && i->rm == 0, "UD", "there is no such instruction", at);
  struct tile *tile = configured(i->reg, at); /* TILEZERO */
  memset(tile->bytes, 0, sizeof tile->bytes);
  return 1;
}

static void pass_on(int number, siginfo_t *info, void *context) {
  if (previous.sa_flags & SA_SIGINFO) previous.sa_sigaction(number, info, context);
  else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) previous.sa_handler(number);
  else signal(SIGILL, SIG_DFL); /* the instruction raises it once more */
}

static void on_illegal_instruction(int number, siginfo_t *info, void *pointer) {
  ucontext_t *context = pointer;
  greg_t *rip = &context->uc_mcontext.gregs[REG_RIP];
  struct instruction instruction;
  if (!decode(context, (const uint8_t *)*rip, &instruction) || !execute(&instruction)) {
    pass_on(number, info, pointer);
    return;
  }
  *rip += instruction.bytes;
  __atomic_add_fetch(&executed, 1, __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void install(void) {
  struct sigaction action = {.sa_sigaction = on_illegal_instruction, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGILL, &action, &previous) != 0) {
    perror("emulated tiles");
    abort();
  }
}

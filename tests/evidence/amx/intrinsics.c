/*
 * A matrix product by Intel's intrinsics, as a compiler makes them, against plain loops: a second opinion on the emulator,
 * without this project's assembler. Exits 1 when an integer differs.
 */
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>

enum { SIZE = 48, DEPTH = 192, TILE = 16, TILE_DEPTH = 64 };

static uint8_t left[SIZE][DEPTH];
static int8_t right[DEPTH][SIZE];
/* Four neighbours of a column side by side. */
static int8_t interleaved[DEPTH / 4][SIZE * 4];
static int32_t products[SIZE][SIZE];

/* A linear congruential generator (Knuth, MMIX); its upper bits. */
static uint8_t random_byte(void) {
  static uint64_t state = 1;
  state = state * 6364136223846793005u + 1442695040888963407u;
  return state >> 56;
}

int main(void) {
  for (int k = 0; k < DEPTH; k++) {
    for (int i = 0; i < SIZE; i++) {
      left[i][k] = random_byte();
      right[k][i] = interleaved[k / 4][4 * i + k % 4] = (int8_t)random_byte();
    }
  }
  uint8_t configuration[64] = {1};
  for (int tile = 0; tile < 3; tile++) {
    configuration[16 + 2 * tile] = 64;
    configuration[48 + tile] = TILE;
  }
  _tile_loadconfig(configuration);
  for (int i = 0; i < SIZE; i += TILE) {
    for (int j = 0; j < SIZE; j += TILE) {
      _tile_zero(0);
      for (int k = 0; k < DEPTH; k += TILE_DEPTH) {
        _tile_loadd(1, &left[i][k], DEPTH);
        _tile_loadd(2, &interleaved[k / 4][4 * j], 4 * SIZE);
        _tile_dpbusd(0, 1, 2);
      }
      _tile_stored(0, &products[i][j], sizeof products[0]);
    }
  }
  _tile_release();
  for (int i = 0; i < SIZE; i++) {
    for (int j = 0; j < SIZE; j++) {
      int32_t sum = 0;
      for (int k = 0; k < DEPTH; k++) sum += left[i][k] * right[k][j];
      if (sum == products[i][j]) continue;
      fprintf(stderr, "row %d, column %d: %d instead of %d\n", i, j, products[i][j], sum);
      return 1;
    }
  }
  return 0;
}

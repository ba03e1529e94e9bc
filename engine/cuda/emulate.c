// Runs the kernels of paged.cu on the CPU, for tests: reads a case from standard input, writes what the cache and the
// attention became to standard output. The shape of the input is `Case` of the Rust test beside it.

#include "emulate.h"

#include "paged.cu"

enum { THREADS, ROWS, SEQUENCES, TABLE_WIDTH, BLOCKS, KV_HEADS, GROUP, HEADS_TOGETHER, HEAD_DIM, WINDOW, NUMBERS };
static unsigned int number[NUMBERS];
static float scale;
static float *rows_k, *rows_v, *queries, *out;
static Cached *keys, *values;
static unsigned int *slots, *positions, *sequences, *tables;
static int kernel;

static void *read_all(size_t size, size_t count) {
  void *data = malloc(size * count);
  if (data == NULL || fread(data, size, count, stdin) != count) {
    fprintf(stderr, "the case is cut short\n");
    exit(1);
  }
  return data;
}

static void *run_thread(void *indices) {
  blockIdx = ((struct Index *)indices)[0];
  threadIdx = ((struct Index *)indices)[1];
  const unsigned int width = number[KV_HEADS] * number[HEAD_DIM];
  if (kernel == 0) write_kv(keys, rows_k, slots, width);
  if (kernel == 1) write_kv(values, rows_v, slots, width);
  if (kernel == 2)
    paged_attention(out, queries, keys, values, positions, sequences, tables, number[TABLE_WIDTH], number[GROUP],
                    number[HEADS_TOGETHER], number[HEAD_DIM], number[WINDOW], scale);
  return NULL;
}

static void launch(int which, struct Index grid) {
  const unsigned int threads = number[THREADS];
  pthread_t *started = calloc(threads, sizeof *started);
  struct Index(*indices)[2] = calloc(threads, sizeof *indices);
  if (started == NULL || indices == NULL) exit(1);
  kernel = which;
  gridDim = grid;
  blockDim = (struct Index){threads, 1, 1};
  for (unsigned int x = 0; x < grid.x; x++)
    for (unsigned int y = 0; y < grid.y; y++)
      for (unsigned int z = 0; z < grid.z; z++) {
        pthread_barrier_init(&barrier, NULL, threads);
        for (unsigned int t = 0; t < threads; t++) {
          indices[t][0] = (struct Index){x, y, z};
          indices[t][1] = (struct Index){t, 0, 0};
          if (pthread_create(&started[t], NULL, run_thread, indices[t]) != 0) exit(1);
        }
        for (unsigned int t = 0; t < threads; t++) pthread_join(started[t], NULL);
        pthread_barrier_destroy(&barrier);
      }
  free(started);
  free(indices);
}

int main(void) {
  memcpy(number, read_all(sizeof *number, NUMBERS), sizeof number);
  memcpy(&scale, read_all(sizeof scale, 1), sizeof scale);
  const size_t width = (size_t)number[KV_HEADS] * number[HEAD_DIM];
  const size_t cached = number[BLOCKS] * BLOCK_SIZE * width, queried = number[ROWS] * width * number[GROUP];
  rows_k = read_all(sizeof *rows_k, number[ROWS] * width);
  rows_v = read_all(sizeof *rows_v, number[ROWS] * width);
  queries = read_all(sizeof *queries, queried);
  keys = read_all(sizeof *keys, cached);
  values = read_all(sizeof *values, cached);
  slots = read_all(sizeof *slots, number[ROWS]);
  positions = read_all(sizeof *positions, number[ROWS]);
  sequences = read_all(sizeof *sequences, number[ROWS]);
  tables = read_all(sizeof *tables, (size_t)number[SEQUENCES] * number[TABLE_WIDTH]);
  out = calloc(queried, sizeof *out);
  if (out == NULL) return 1;

  launch(0, (struct Index){number[ROWS], 1, 1});
  launch(1, (struct Index){number[ROWS], 1, 1});
  const unsigned int parts = (number[GROUP] + number[HEADS_TOGETHER] - 1) / number[HEADS_TOGETHER];
  launch(2, (struct Index){number[ROWS], number[KV_HEADS], parts});

  fwrite(keys, sizeof *keys, cached, stdout);
  fwrite(values, sizeof *values, cached, stdout);
  fwrite(out, sizeof *out, queried, stdout);
  return fflush(stdout) != 0;
}

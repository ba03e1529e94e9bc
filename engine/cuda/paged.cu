// The paged KV cache on a GPU: keys and values of new positions go in, attention comes out.
//
// The cache of a layer is keys and values of the shape [block][position in block][KV head][value]. A row is one position
// of one sequence; `sequences` says which, and `tables` has that sequence's blocks in order, `table_width` to a sequence.
// Rows without a sequence, which fill a step up to a fixed size, have the position or slot NONE.
//
// The file is C, and includes nothing: NVRTC compiles it when a model is loaded, with CACHE_F16, CACHE_BF16 or CACHE_F32
// defined for the numbers that the cache holds; and the tests compile it with the system's C compiler (emulate.h), run it
// thread by thread and compare. No thread ever depends on another's timing: each output has one writer and one order of
// sums, which depends on the row's own position only, not on other rows, on how many threads there are, or on how the
// sequence was cut into steps.

#define NONE 0xffffffffu
// Positions in a block of the cache: BLOCK_SIZE of config.rs.
#define BLOCK_SIZE 16u
// Positions whose scores are held at once: TILE of cuda.rs.
#define TILE 32u

#ifdef PENSTOCK_EMULATE
#define KERNEL void
#else
#define KERNEL extern "C" __global__ void
__device__ float float_of_bits(unsigned int bits) { return __uint_as_float(bits); }
__device__ unsigned int bits_of_float(float x) { return __float_as_uint(x); }
// By the instruction itself, so that no header of the toolkit is needed at run time.
__device__ float float_of_half(unsigned short half) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(half));
  return x;
}
__device__ unsigned short half_of_float(float x) {
  unsigned short half;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half) : "f"(x));
  return half;
}
#endif

#if defined(CACHE_F32)
typedef float Cached;
__device__ float widen(Cached x) { return x; }
__device__ Cached narrow(float x) { return x; }
#elif defined(CACHE_BF16)
typedef unsigned short Cached;
__device__ float widen(Cached x) { return float_of_bits((unsigned int)x << 16); }
// To the nearest, ties to even; NaN stays NaN. What would round to infinity becomes the largest number.
__device__ Cached narrow(float x) {
  unsigned int bits = bits_of_float(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (Cached)((bits >> 16) | 0x40u);
  bits += 0x7fffu + ((bits >> 16) & 1u);
  if ((bits & 0x7fffffffu) >= 0x7f800000u) bits = (bits & 0x80000000u) | 0x7f7f0000u;
  return (Cached)(bits >> 16);
}
#elif defined(CACHE_F16)
typedef unsigned short Cached;
__device__ float widen(Cached x) { return float_of_half(x); }
// Bounded by the largest number; NaN stays NaN.
__device__ Cached narrow(float x) {
  const float largest = 65504.0f;
  if (x > largest) x = largest;
  if (x < -largest) x = -largest;
  return half_of_float(x);
}
#else
#error "CACHE_F16, CACHE_BF16 or CACHE_F32 says what the cache holds"
#endif

// Puts rows of `width` values into the cache (its keys or its values), row r at slots[r] = block * BLOCK_SIZE + position.
// One row a block of threads.
KERNEL write_kv(Cached *cache, const float *rows, const unsigned int *slots, unsigned int width) {
  const unsigned int slot = slots[blockIdx.x];
  if (slot == NONE) return;
  const float *row = rows + (size_t)blockIdx.x * width;
  Cached *to = cache + (size_t)slot * width;
  for (unsigned int i = threadIdx.x; i < width; i += blockDim.x) to[i] = narrow(row[i]);
}

// Attention of a row's query heads over its sequence's positions up to its own, the last `window` of them: with an online
// softmax (Milakov and Gimelshein, 2018), tile by tile. A block of threads has one row (x), one KV head (y), and
// `heads_together` of the query heads that share it (z); `dynamic` is shared memory for
// heads_together * (2 * head_dim + TILE + 3) floats.
KERNEL paged_attention(float *out, const float *queries, const Cached *keys, const Cached *values,
                       const unsigned int *positions, const unsigned int *sequences, const unsigned int *tables,
                       unsigned int table_width, unsigned int group, unsigned int heads_together, unsigned int head_dim,
                       unsigned int window, float scale) {
  extern __shared__ float dynamic[];
  const unsigned int row = blockIdx.x, kv_head = blockIdx.y, kv_heads = gridDim.y;
  const unsigned int skipped = blockIdx.z * heads_together;
  const unsigned int heads = group - skipped < heads_together ? group - skipped : heads_together;
  const size_t first = (((size_t)row * kv_heads + kv_head) * group + skipped) * head_dim;
  const unsigned int lanes = heads * head_dim;
  const unsigned int position = positions[row];
  float *query = dynamic;                               // [head][head_dim]
  float *sums = query + heads_together * head_dim;      // [head][head_dim]
  float *weights = sums + heads_together * head_dim;    // [head][TILE]
  float *largest = weights + heads_together * TILE;     // [head]
  float *total = largest + heads_together;              // [head]
  float *kept = total + heads_together;                 // [head]

  if (position == NONE) {
    for (unsigned int i = threadIdx.x; i < lanes; i += blockDim.x) out[first + i] = 0.0f;
    return;
  }
  for (unsigned int i = threadIdx.x; i < lanes; i += blockDim.x) {
    query[i] = queries[first + i] * scale;
    sums[i] = 0.0f;
  }
  for (unsigned int h = threadIdx.x; h < heads; h += blockDim.x) {
    largest[h] = -3.0e38f;
    total[h] = 0.0f;
  }
  __syncthreads();

  const unsigned int *table = tables + (size_t)sequences[row] * table_width;
  const unsigned int seen = position < window ? 0u : position - window + 1u;
  for (unsigned int tile = seen / TILE * TILE; tile <= position; tile += TILE) {
    const unsigned int from = tile < seen ? seen - tile : 0u;
    const unsigned int until = position - tile < TILE ? position - tile + 1u : TILE;

    for (unsigned int i = threadIdx.x; i < heads * TILE; i += blockDim.x) {
      const unsigned int h = i / TILE, t = i % TILE;
      if (t < from || t >= until) continue;
      const unsigned int p = tile + t;
      const size_t slot = (size_t)table[p / BLOCK_SIZE] * BLOCK_SIZE + p % BLOCK_SIZE;
      const Cached *key = keys + (slot * kv_heads + kv_head) * head_dim;
      float score = 0.0f;
      for (unsigned int d = 0; d < head_dim; d++) score = fmaf(query[h * head_dim + d], widen(key[d]), score);
      weights[i] = score;
    }
    __syncthreads();

    for (unsigned int h = threadIdx.x; h < heads; h += blockDim.x) {
      float most = largest[h];
      for (unsigned int t = from; t < until; t++) most = fmaxf(most, weights[h * TILE + t]);
      kept[h] = expf(largest[h] - most);
      float sum = total[h] * kept[h];
      for (unsigned int t = from; t < until; t++) {
        const float weight = expf(weights[h * TILE + t] - most);
        weights[h * TILE + t] = weight;
        sum += weight;
      }
      largest[h] = most;
      total[h] = sum;
    }
    __syncthreads();

    for (unsigned int i = threadIdx.x; i < lanes; i += blockDim.x) {
      const unsigned int h = i / head_dim, d = i % head_dim;
      float sum = sums[i] * kept[h];
      for (unsigned int t = from; t < until; t++) {
        const unsigned int p = tile + t;
        const size_t slot = (size_t)table[p / BLOCK_SIZE] * BLOCK_SIZE + p % BLOCK_SIZE;
        const Cached *value = values + (slot * kv_heads + kv_head) * head_dim;
        sum = fmaf(weights[h * TILE + t], widen(value[d]), sum);
      }
      sums[i] = sum;
    }
    __syncthreads();
  }
  for (unsigned int i = threadIdx.x; i < lanes; i += blockDim.x) out[first + i] = sums[i] / total[i / head_dim];
}

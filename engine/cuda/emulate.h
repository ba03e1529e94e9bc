// What paged.cu needs of CUDA, for the system's C compiler: a block's threads are threads, its barrier is a barrier, its
// shared memory is a buffer; blocks run one after the other. For tests only.

#define PENSTOCK_EMULATE
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define __device__ static
#define __shared__

struct Index { unsigned int x, y, z; };
static struct Index gridDim, blockDim;
static _Thread_local struct Index blockIdx, threadIdx;
float dynamic[1 << 16];
static pthread_barrier_t barrier;

static void __syncthreads(void) { pthread_barrier_wait(&barrier); }

__device__ float float_of_bits(unsigned int bits) { float x; memcpy(&x, &bits, sizeof x); return x; }
__device__ unsigned int bits_of_float(float x) { unsigned int bits; memcpy(&bits, &x, sizeof bits); return bits; }

// The value of an IEEE half, by its parts.
__device__ float float_of_half(unsigned short half) {
  const unsigned int sign = (unsigned int)(half & 0x8000u) << 16, exponent = half >> 10 & 0x1fu, rest = half & 0x3ffu;
  if (exponent == 0x1f) return float_of_bits(sign | 0x7f800000u | rest << 13);
  const float size = exponent == 0 ? ldexpf((float)rest, -24) : ldexpf((float)(rest | 0x400u), (int)exponent - 25);
  return sign ? -size : size;
}

// To the nearest, ties to even, which is how nearbyintf rounds by default.
__device__ unsigned short half_of_float(float x) {
  const unsigned short sign = (unsigned short)(bits_of_float(x) >> 16 & 0x8000u);
  const float size = fabsf(x);
  if (isnan(x)) return sign | 0x7e00u;
  if (size >= 65520.0f) return sign | 0x7c00u;
  // Below the smallest normal half, zero among them: a multiple of the smallest half of all.
  if (size < 0x1p-14f) return sign | (unsigned short)nearbyintf(ldexpf(size, 24));
  int exponent;
  frexpf(size, &exponent);
  const unsigned int rest = (unsigned int)nearbyintf(ldexpf(size, 11 - exponent));
  return sign | (unsigned short)(((unsigned int)(exponent + 14) << 10) + rest - 0x400u);
}

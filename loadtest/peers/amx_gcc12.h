/* GCC 12 believes that _tile_loadconfig reads 8 of the 64 bytes of the tile configuration and drops the stores to
 * the rest, so a natively built llama.cpp dies of SIGILL at start. This names all 64 bytes. */
#include <immintrin.h>
static inline __attribute__((always_inline)) void tile_loadconfig_64(const void *config) {
    __asm__ volatile("ldtilecfg\t%X0" ::"m"(*(const char(*)[64])config));
}
#define _tile_loadconfig tile_loadconfig_64

//! Quantised weights times blocks of 16 rows on tile registers.
//!
//! **What a tile does.** The integer sums of a group: 16 rows by 16 columns over the group's 32 (or
//! 16) values of k. Activations of 16 bits are a high and a low signed byte, x = 256 h + l, and take
//! two products, which are put together exactly. The scaling afterwards is that of
//! [`quantised`](super::quantised), operation by operation, so outputs have the same bits (E9) and
//! nobody can tell which of the two computed a row.
//!
//! **What is loaded.** The packed codes of a group are tile rows already once they are bytes: a row is
//! a quad of each of 16 columns. Four bits are made bytes a [`Slab`](slab::Slab) at a time, once for
//! all rows of a chunk, in the first-level cache. Activations lie as the rows of a block are quantised:
//! 16 [`InputGroup`](crate::kernels::simd::InputGroup)s of 80 bytes for each group, one after the other,
//! so a tile's rows are 80 bytes apart and are read in order, one group after the other. They begin at
//! quarters of a cache line, and one in four lies on two lines: 20 lines are read instead of 16. To
//! copy them apart would cost more, since each chunk of columns would copy them again.
//!
//! **What it should cost.** For a group of 32, 16 rows and 16 columns (16,384 operations), in cycles of
//! a core that multiplies a row of a tile a cycle, loads two and stores one vector a cycle, and does
//! two vector operations (Sapphire Rapids):
//!
//! | | 8 bits | 16 bits |
//! |---|---|---|
//! | tile products, whatever their depth | 16 | 32 |
//! | scaling: 16 rows of convert, multiply, two fused multiply-adds; with 16 bits shift and add | 32 | 48 |
//! | loads: columns 8, rows 16 or 32 (a quarter of them twice), sums 16 or 32, two factors a row | 38 | 56 |
//! | stores: sums | 16 | 32 |
//! | the same on AVX-512 VNNI: 8 quads of 16 rows, once or twice, and scaling | 96 | 176 |
//!
//! These overlap, so a group takes about as long as its loads: 430 and 290 operations a cycle, against
//! 170 and 93. The scaling cannot be made the smaller part: each group has scales of its own, each sum
//! is scaled once, and its rounding is part of the result. A tile product over two groups would need
//! one scale for both. What is left is to keep the tiles busy meanwhile: the products of a group are
//! issued before the group before it is scaled, into registers of their own. Expected, not measured:
//! where this was written no processor had AMX.

mod columns;
mod kernel;
mod slab;

pub(super) use columns::TILED_ROWS;
pub(super) use kernel::multiply;
#[cfg(test)]
mod tests;

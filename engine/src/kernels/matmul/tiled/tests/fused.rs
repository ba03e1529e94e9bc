//! The same of rows that are computed while they are taken in: blocks of 16 are filled row by row, in
//! the forms that a matrix reads.

use std::ops::Range;

use super::super::super::InputRows;
use super::*;
use crate::kernels::{AddedRows, Gate, GatedRows, NormedRows};

const COLS: usize = 256;

/// How rows come to be.
#[derive(Debug, Clone, Copy)]
enum Way {
    Plain,
    Gated(Gate),
    Normed,
    AddedNormed,
    NormedAddedNormed,
}

const WAYS: [Way; 6] = [
    Way::Plain,
    Way::Gated(Gate::Silu),
    Way::Gated(Gate::GeluTanh),
    Way::Normed,
    Way::AddedNormed,
    Way::NormedAddedNormed,
];

/// What rows are computed from.
struct Rows {
    x: Vec<f32>,
    added: Vec<f32>,
    gate_up: Vec<f32>,
    weights: [Vec<f32>; 2],
}

impl Rows {
    fn new(random: &mut Random, rows: usize) -> Self {
        Self {
            x: random.normals(rows * COLS),
            added: random.normals(rows * COLS),
            gate_up: random.normals(rows * 2 * COLS),
            weights: [random.normals(COLS), random.normals(COLS)],
        }
    }

    /// The bits of the outputs of some rows, and of the stream afterwards.
    fn product(
        &self,
        kernels: &Kernels,
        w: &PackedMatrix,
        (way, bits): (Way, ActivationBits),
        rows: Range<usize>,
    ) -> [Vec<u32>; 2] {
        let values = rows.start * COLS..rows.end * COLS;
        let mut stream = self.x[values.clone()].to_vec();
        let [weight, norm] = &self.weights;
        let added = AddedRows {
            rows: &self.added[values.clone()],
            norm: None,
        };
        let normed = NormedRows {
            stream: &mut stream,
            added: None,
            weight,
            eps: 1e-5,
        };
        let source = match way {
            Way::Plain => InputRows::Plain(&self.x[values.clone()]),
            Way::Gated(gate) => InputRows::Gated(GatedRows {
                gate_up: &self.gate_up[2 * values.start..2 * values.end],
                gate,
            }),
            Way::Normed => InputRows::Normed(normed),
            Way::AddedNormed => InputRows::Normed(NormedRows {
                added: Some(added),
                ..normed
            }),
            Way::NormedAddedNormed => InputRows::Normed(NormedRows {
                added: Some(AddedRows {
                    norm: Some(norm),
                    ..added
                }),
                ..normed
            }),
        };
        let mut input = MatmulInput::with_bits(bits);
        input.fill(kernels, w, source);
        let mut out = vec![f32::NAN; rows.len() * w.rows()];
        kernels.matmul(w, &input, &mut out);
        [out, stream].map(|values| values.into_iter().map(f32::to_bits).collect())
    }
}

#[test]
fn every_way_of_filling_equals_the_vector_kernels() {
    let random = &mut Random::new(45);
    let machines: Vec<_> = isas()
        .into_iter()
        .map(|isa| (kernels(1, isa), emulating(2, isa)))
        .collect();
    let rows = Rows::new(random, 70);
    let each = Format::ALL.map(|format| vec![(format, 19)]);
    for formats in each
        .into_iter()
        .chain([Format::ALL.map(|format| (format, 7)).to_vec()])
    {
        let w = packed(random, &formats, COLS);
        for bits in BITS {
            for way in WAYS {
                for (vectors, tiles) in &machines {
                    for count in [1, 16, 31, 32, 70] {
                        let [expected, got] = [vectors, tiles]
                            .map(|kernels| rows.product(kernels, &w, (way, bits), 0..count));
                        let same = expected == got;
                        assert!(same, "{way:?} {bits:?} {count} rows {formats:?} {tiles:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_row_filled_alone_has_the_bits_that_it_has_in_a_batch() {
    let random = &mut Random::new(46);
    let w = packed(random, &Format::ALL.map(|format| (format, 18)), COLS);
    let rows = Rows::new(random, 64);
    for isa in isas() {
        let kernels = emulating(2, isa);
        for bits in BITS {
            for way in WAYS {
                let batch = rows.product(&kernels, &w, (way, bits), 0..64);
                for row in 0..64 {
                    let alone = rows.product(&kernels, &w, (way, bits), row..row + 1);
                    for (alone, batch) in alone.iter().zip(&batch) {
                        let same = alone[..] == batch[row * alone.len()..][..alone.len()];
                        assert!(same, "{way:?} {bits:?} {isa:?} row {row}");
                    }
                }
            }
        }
    }
}

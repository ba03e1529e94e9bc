//! Vectors as bytes: a quarter of the memory, and several times faster to scan.
//!
//! Each vector has a scale of its own (its largest number becomes 127), so one similarity is off by
//! a few thousandths for vectors of some hundred numbers. The scan only chooses who is computed
//! again exactly.

use super::mask::Mask;

/// The bytes of all slots.
#[derive(Debug, Default)]
pub(super) struct Codes {
    /// Bytes of one vector: the dimension, rounded up to whole chunks.
    width: usize,
    values: Vec<i8>,
    scales: Vec<f32>,
}

/// Numbers that the inner loop takes at a time; wide enough for the compiler to use vectors.
const CHUNK: usize = 32;

impl Codes {
    pub(super) fn new(dimension: usize) -> Self {
        Self {
            width: dimension.next_multiple_of(CHUNK),
            ..Self::default()
        }
    }

    /// Sets the vector of a slot, growing as needed.
    pub(super) fn set(&mut self, slot: u32, vector: &[f32]) {
        let slot = slot as usize;
        if slot >= self.scales.len() {
            self.scales.resize(slot + 1, 0.0);
            self.values.resize((slot + 1) * self.width, 0);
        }
        let range = slot * self.width..(slot + 1) * self.width;
        self.scales[slot] = quantise(vector, &mut self.values[range]);
    }

    /// The `keep` slots of the mask that are probably the nearest, in no order.
    pub(super) fn nearest(&self, question: &[f32], mask: &Mask, keep: usize) -> Vec<u32> {
        let mut bytes = vec![0; self.width];
        // The question's scale is the same for all and does not change who is nearer.
        quantise(question, &mut bytes);
        let question: Vec<i16> = bytes.into_iter().map(i16::from).collect();
        let mut best = Best::new(keep);
        for slot in mask.iter() {
            let start = slot as usize * self.width;
            let code = &self.values[start..start + self.width];
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let score = dot(&question, code) as f32 * self.scales[slot as usize];
            best.offer(score, slot);
        }
        best.into_slots()
    }
}

/// Writes a vector as bytes, zeros behind it, and returns what one step is worth.
fn quantise(vector: &[f32], bytes: &mut [i8]) -> f32 {
    let largest = vector
        .iter()
        .fold(0.0_f32, |most, value| most.max(value.abs()));
    bytes.fill(0);
    if largest <= 0.0 {
        return 0.0;
    }
    let steps = 127.0 / largest;
    for (byte, value) in bytes.iter_mut().zip(vector) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "from -127 to 127 by the scale"
        )]
        let rounded = (value * steps).round() as i8;
        *byte = rounded;
    }
    largest / 127.0
}

/// The sum of products. Wide enough: 16,384 products of at most 127 * 127 fit.
fn dot(question: &[i16], code: &[i8]) -> i32 {
    let (question, _) = question.as_chunks::<CHUNK>();
    let (code, _) = code.as_chunks::<CHUNK>();
    let mut sum = 0;
    for (a, b) in question.iter().zip(code) {
        let mut part = 0;
        for index in 0..CHUNK {
            part += i32::from(a[index]) * i32::from(i16::from(b[index]));
        }
        sum += part;
    }
    sum
}

/// The best so far: what cannot be among them is dropped at once, the rest is sorted out when twice
/// as many have come as are kept.
struct Best {
    keep: usize,
    least: f32,
    entries: Vec<(f32, u32)>,
}

impl Best {
    fn new(keep: usize) -> Self {
        Self {
            keep: keep.max(1),
            least: f32::NEG_INFINITY,
            entries: Vec::with_capacity(2 * keep.max(1)),
        }
    }

    fn offer(&mut self, score: f32, slot: u32) {
        // Equal scores stay until they are sorted out by slot, so that the answer has one meaning.
        if score >= self.least {
            self.entries.push((score, slot));
            if self.entries.len() >= 2 * self.keep {
                self.settle();
            }
        }
    }

    fn settle(&mut self) {
        if self.entries.len() <= self.keep {
            return;
        }
        self.entries.select_nth_unstable_by(self.keep - 1, |a, b| {
            b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
        });
        self.entries.truncate(self.keep);
        self.least = self
            .entries
            .iter()
            .fold(f32::INFINITY, |least, entry| least.min(entry.0));
    }

    fn into_slots(mut self) -> Vec<u32> {
        self.settle();
        self.entries.into_iter().map(|(_, slot)| slot).collect()
    }
}

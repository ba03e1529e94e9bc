//! Numbers for tests: the same for a seed.

/// A generator of random numbers (SplitMix64, Steele et al. 2014).
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A direction: sums of four uniform numbers are near enough to normal ones.
    pub(super) fn vector(&mut self, dimension: usize) -> Vec<f32> {
        let mut number = || {
            #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
            let part = |bits: u64| (bits & 0xff_ffff) as f32 / 16_777_216.0 - 0.5;
            let (a, b) = (self.next(), self.next());
            part(a) + part(a >> 32) + part(b) + part(b >> 32)
        };
        (0..dimension).map(|_| number()).collect()
    }

    /// A vector of length 1.
    pub(super) fn unit(&mut self, dimension: usize) -> Vec<f32> {
        let mut vector = self.vector(dimension);
        vector[0] += 1e-3;
        let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        for value in &mut vector {
            *value /= norm;
        }
        vector
    }
}

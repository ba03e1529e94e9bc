//! A model held to a reference: it reads the reference's tokens, and tells its own logits.

use std::ops::Range;
use std::path::Path;

use engine::gguf::GgufFile;
use engine::model::{ModelFiles, load};
use engine::tokenizer::{GgufVocabulary, Tokenizer};
use engine::{
    Activations, BLOCK_SIZE, BatchPlan, BlockId, EngineConfig, Forward, KvCacheDtype, LogitRows,
    ScheduledSequence, SequenceId,
};
use sha2::{Digest, Sha256};

/// Longest sequence: a window of prose.
const MAX_MODEL_LEN: usize = 1024;
/// Prompts are read in pieces, as the scheduler would have it.
const STEP_TOKENS: usize = 128;

/// A model that reads what a reference wrote, one sequence at a time.
pub(crate) struct Model(Box<dyn Forward>);

impl Model {
    pub(crate) fn load(
        path: &Path,
        activations: Activations,
        kv_cache_dtype: KvCacheDtype,
    ) -> Self {
        let config = EngineConfig {
            activations,
            kv_cache_dtype,
            kv_cache_bytes: 64 << 20,
            max_model_len: Some(MAX_MODEL_LEN),
            max_num_batched_tokens: STEP_TOKENS,
            ..EngineConfig::default()
        };
        let files = ModelFiles::find(path).unwrap();
        Self(load(&files, &config).unwrap().runner)
    }

    /// Computes `tokens` from an empty cache; `see` gets each position from `first` on with the
    /// logits of the token that follows it.
    pub(crate) fn logits(
        &mut self,
        tokens: &[u32],
        first: usize,
        mut see: impl FnMut(usize, &[f32]),
    ) {
        for positions in pieces(0..first) {
            self.step(tokens, positions, LogitRows::None, &mut see);
        }
        for positions in pieces(first..tokens.len()) {
            self.step(tokens, positions, LogitRows::All, &mut see);
        }
    }

    fn step(
        &mut self,
        tokens: &[u32],
        positions: Range<usize>,
        logits: LogitRows,
        see: &mut impl FnMut(usize, &[f32]),
    ) {
        let blocks = u32::try_from(positions.end.div_ceil(BLOCK_SIZE)).unwrap();
        let plan = BatchPlan {
            sequences: vec![ScheduledSequence {
                id: SequenceId(0),
                tokens: tokens[positions.clone()].to_vec(),
                start: positions.start,
                block_table: (0..blocks).map(BlockId).collect(),
                logits,
            }],
        };
        let mut rows = self.0.forward(&plan).unwrap();
        assert_eq!(rows.len(), plan.num_logit_rows());
        for (position, row) in positions.zip(rows.rows()) {
            see(position, row);
        }
    }
}

fn pieces(positions: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let Range { start, end } = positions;
    (start..end)
        .step_by(STEP_TOKENS)
        .map(move |from| from..end.min(from + STEP_TOKENS))
}

/// The first of the largest values, as torch takes it.
pub(crate) fn argmax(row: &[f32]) -> usize {
    let better = |best: usize, at: usize| if row[at] > row[best] { at } else { best };
    (0..row.len()).reduce(better).unwrap()
}

pub(crate) fn log_prob(row: &[f32], token: u32) -> f64 {
    let largest = f64::from(row[argmax(row)]);
    let sum: f64 = row.iter().map(|&x| (f64::from(x) - largest).exp()).sum();
    f64::from(row[token as usize]) - largest - sum.ln()
}

/// The tokenizer of a GGUF file.
pub(crate) fn tokenizer(path: &Path) -> Tokenizer {
    let file = GgufFile::open(path).unwrap();
    let vocabulary = GgufVocabulary::read(file.metadata()).unwrap();
    Tokenizer::from_gguf(&vocabulary).unwrap()
}

/// Of ids as little-endian 32-bit integers.
pub(crate) fn sha256(ids: &[u32]) -> String {
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    let digest = Sha256::digest(&bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

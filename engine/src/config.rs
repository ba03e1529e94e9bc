//! How an engine is built: every knob, its unit, its default and its consequence.

use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Sizes and limits of one engine. [`EngineConfig::default`] serves a small model on a laptop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// Memory for keys and values, in bytes. More holds more and longer sequences, and keeps more
    /// prefixes for reuse. Rounded down to whole blocks; at least one full context must fit.
    pub kv_cache_bytes: usize,
    /// Longest prompt plus answer, in tokens; `None` takes the model's own limit.
    pub max_model_len: Option<usize>,
    /// Sequences that one step computes at most.
    pub max_num_seqs: usize,
    /// Tokens that one step computes at most (prompt chunks and decoded tokens together); not below
    /// `max_num_seqs`. Smaller steps make running streams smoother, larger ones read prompts faster.
    pub max_num_batched_tokens: usize,
    /// Requests that the engine holds at most, waiting and running; one more is refused.
    pub max_requests: usize,
    /// Whether full blocks are kept and found again by later prompts with the same beginning.
    pub enable_prefix_caching: bool,
    /// Whether and how tokens are guessed ahead, so that one step may say several of them; what is
    /// said stays the same, bit for bit. `None` guesses none.
    pub speculation: Option<Speculation>,
    /// Threads that compute; `None` takes one for each core that the process may use.
    pub threads: Option<NonZeroUsize>,
    /// Forces an instruction set for the kernels, for tests; `None` takes the machine's best.
    pub isa: Option<Isa>,
}

/// How tokens are guessed ahead (speculative decoding).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speculation {
    /// Tokens guessed for a sequence in one step at most, one or more. How many are guessed is chosen
    /// anew in each step: as many as pay.
    pub num_speculative_tokens: usize,
    /// Where guesses come from.
    pub method: SpeculationMethod,
}

/// Where guesses come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpeculationMethod {
    /// From the sequence's own tokens: what followed when its last few tokens were there before.
    Ngram {
        /// Tokens that must have been there before, one or more.
        prompt_lookup_min: usize,
        /// Tokens that are compared at most, not below `prompt_lookup_min`: a longer match is
        /// preferred up to this length.
        prompt_lookup_max: usize,
    },
    /// From a smaller model with the same vocabulary, which goes on greedily. It has keys and values
    /// of its own, as many bytes of them as the served model.
    Draft {
        /// A `.gguf` file or a folder, as the served model's.
        model: PathBuf,
    },
}

/// Instruction sets for which the kernels are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain Rust, on every processor.
    Portable,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// x86-64 with AVX-512 F, BW, VL and VNNI.
    Avx512Vnni,
}

/// Tokens in one KV block. A block is what the prefix index shares; the attention kernel reads keys
/// one block, 16 positions, at a time.
pub const BLOCK_SIZE: usize = 16;

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            kv_cache_bytes: 1 << 30,
            max_model_len: None,
            max_num_seqs: 64,
            max_num_batched_tokens: 512,
            max_requests: 256,
            enable_prefix_caching: true,
            speculation: None,
            threads: None,
            isa: None,
        }
    }
}

//! How an engine is built: every knob, its unit, its default and its consequence.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Sizes and limits of one engine. [`EngineConfig::default`] serves a small model on a laptop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// How long a step should last at most while a stream is being read: prompts that arrive then are
    /// read in chunks that fit, as measured, but by a block a step at least. Shorter makes streams
    /// smoother beside new prompts; longer reads those sooner. With nobody reading, steps are as
    /// large as `max_num_batched_tokens`.
    pub target_itl: Duration,
    /// Requests that the engine holds at most, waiting and running; one more is refused.
    pub max_requests: usize,
    /// Whether full blocks are kept and found again by later prompts with the same beginning.
    pub enable_prefix_caching: bool,
    /// Where blocks go that the cache evicts, to be copied back when a prompt begins with them again;
    /// `None` forgets them.
    pub kv_tiers: Option<KvTiersConfig>,
    /// Whether and how tokens are guessed ahead, so that one step may say several of them; what is
    /// said stays the same, bit for bit. `None` guesses none.
    pub speculation: Option<Speculation>,
    /// What computes.
    pub device: Device,
    /// Threads that compute; `None` takes one for each core that the process may use.
    pub threads: Option<NonZeroUsize>,
    /// Precision of the activations that quantised weights are multiplied with, on the CPU.
    pub activations: Activations,
    /// How keys and values are stored.
    pub kv_cache_dtype: KvCacheDtype,
    /// Folder in which packed weights are kept, in the order of the kernels, to be mapped by the next
    /// start instead of packed anew: it starts sooner, and processes share the memory. It takes as
    /// many bytes of disk as the weights. `None` packs them into memory at each start.
    pub packed_weights: Option<PathBuf>,
    /// Forces an instruction set for the kernels, for tests; `None` takes the machine's best.
    pub isa: Option<Isa>,
}

/// What computes a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Device {
    /// The CPU, by kernels of our own.
    #[default]
    Cpu,
    /// An NVIDIA GPU, through candle; the engine must be built with its feature `cuda`. Weights and
    /// the KV cache lie in its memory. `activations` and `packed_weights` have no effect: candle
    /// multiplies quantised weights with activations of 8 bits and float weights in their own
    /// format, as files have them. `threads` are for sampling. The KV cache has 16 bits: another
    /// `kv_cache_dtype` is refused.
    Cuda {
        /// Which one, counted from 0 as the driver does.
        ordinal: usize,
    },
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => write!(f, "cpu"),
            Self::Cuda { ordinal } => write!(f, "cuda:{ordinal}"),
        }
    }
}

/// Tiers of memory for blocks that the KV cache has no room for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvTiersConfig {
    /// Memory for them, in bytes, beside that of the cache. It is taken as it is filled. What is
    /// unused for longest goes to disk, or is forgotten.
    pub ram_bytes: usize,
    /// Files for what memory has no room for, and for the next start.
    pub disk: Option<DiskTierConfig>,
}

/// A folder of blocks. Several models may share it; no two running engines of one model should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskTierConfig {
    /// The folder; it is made when it is not there.
    pub path: PathBuf,
    /// Bytes of this model's files at most.
    pub bytes: u64,
}

/// Integers that activations become for products with quantised weights, each group of 32 values with
/// a scale of its own. Fewer bits are faster, most of all for prompts. Float weights are multiplied
/// in f32 whatever this says.
///
/// What it costs, for SmolLM2 135M in Q4_1 against f32: the greedy token agrees in 99.9%, 98.1% and
/// 97.0% of positions, and perplexity grows by less than 0.01%, by 0.07% and by 0.29%.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Activations {
    /// 16 bits everywhere: no loss to speak of.
    #[default]
    Int16,
    /// 8 bits in the feed-forward layers, which are most of the work, and 16 bits elsewhere.
    Mixed,
    /// 8 bits everywhere, as llama.cpp has them.
    Int8,
}

/// Numbers as which keys and values are stored.
///
/// What int8 costs, against f32: for SmolLM2 135M in Q4_1 the greedy token agrees in 98.4% of positions
/// (99.9% with f16) and perplexity grows by less than 0.01%, for Gemma 3 270M by 0.25%.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum KvCacheDtype {
    /// Two bytes a number: no loss to speak of.
    #[default]
    F16,
    /// A byte a number, and a scale for the keys and one for the values of each position and head:
    /// the same memory holds 1.9 times as many tokens.
    Int8,
}

/// How tokens are guessed ahead (speculative decoding).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speculation {
    /// Tokens guessed for a sequence in one step at most, one or more. How many are guessed is chosen
    /// anew in each step: as many as pay.
    pub num_speculative_tokens: usize,
    /// Where guesses come from.
    pub method: SpeculationMethod,
}

/// Where guesses come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Isa {
    /// Plain Rust, on every processor.
    Portable,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// x86-64 with AVX-512 F, BW, VL and VNNI.
    Avx512Vnni,
    /// The same and AMX: tile registers and their int8 products, on Linux. Quantised weights times 16
    /// rows and more are theirs.
    Amx,
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512Vnni => "avx512_vnni",
            Self::Amx => "amx",
        })
    }
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
            // 20 tokens a second are faster than anybody reads, and the fixed cost of a step, some
            // milliseconds for a small model, is a small part of it.
            target_itl: Duration::from_millis(50),
            max_requests: 256,
            enable_prefix_caching: true,
            kv_tiers: None,
            speculation: None,
            device: Device::default(),
            threads: None,
            activations: Activations::default(),
            kv_cache_dtype: KvCacheDtype::default(),
            packed_weights: None,
            isa: None,
        }
    }
}

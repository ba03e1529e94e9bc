//! How a byte-level vocabulary's text is cut into words before merging: `tokenizer.ggml.pre`.
//!
//! A GGUF file only names the way; what the name means is the model's published `tokenizer.json`,
//! written down here. The wrong cut gives other ids, so an unknown name is an error, not a guess.

use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, SplitDelimiterBehavior};

use super::error::TokenizerError;

/// One way to cut text.
#[derive(Debug, Clone, Copy)]
pub(super) struct PreTokenizer {
    /// Whether the text is brought to Unicode's composed form first.
    nfc: bool,
    /// Cuts, one after the other.
    cuts: &'static [Cut],
    /// Whether a word that is a token as it stands is not built by merges.
    pub(super) ignore_merges: bool,
    /// Whether such files mean a beginning-of-sequence token when they do not say.
    pub(super) add_bos: bool,
}

/// One cut.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// Each digit is a word.
    Digits,
    /// GPT-2's expression, which is part of the byte-level step.
    Gpt2,
    /// Each match is a word.
    Regex(&'static str),
}

/// Names with their meaning; several names of a row mean the same.
const TABLE: &[(&[&str], PreTokenizer)] = &[
    (
        &[
            "smollm",
            "starcoder",
            "refact",
            "codeshell",
            "exaone",
            "minerva-7b",
            "mellum2",
        ],
        PreTokenizer::cut(&[Cut::Digits, Cut::Gpt2]),
    ),
    (
        &["command-r"],
        PreTokenizer::cut(&[Cut::Digits, Cut::Gpt2]).nfc(),
    ),
    (
        &[
            "default",
            "gpt-2",
            "phi-2",
            "olmo",
            "mpt",
            "jais",
            "exaone4",
            "a.x-4.0",
            "gigachat",
            "mellum",
            "trillion",
            "granite-docling",
        ],
        PreTokenizer::cut(&[Cut::Gpt2]),
    ),
    (
        &[
            "llama3",
            "llama-v3",
            "llama-bpe",
            "falcon3",
            "falcon-h1",
            "pixtral",
            "midm-2.0",
            "lfm2",
        ],
        PreTokenizer::cut(&[Cut::Regex(LLAMA3)]).whole_words().bos(),
    ),
    (
        &["smaug-bpe", "dbrx", "glm4", "chatglm-bpe"],
        PreTokenizer::cut(&[Cut::Regex(LLAMA3)]),
    ),
    (
        &["qwen2", "deepseek-r1-qwen", "megrez", "kormo", "f2llmv2"],
        PreTokenizer::cut(&[Cut::Regex(QWEN2)]).nfc(),
    ),
    (
        &["stablelm2", "hunyuan", "solar-open", "grok-2"],
        PreTokenizer::cut(&[Cut::Regex(QWEN2)]),
    ),
    (&["qwen35"], PreTokenizer::cut(&[Cut::Regex(QWEN35)]).nfc()),
    (
        &["tekken"],
        PreTokenizer::cut(&[Cut::Regex(TEKKEN)]).whole_words().bos(),
    ),
    (
        &["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"],
        PreTokenizer::cut(&[Cut::Regex(GPT4O)]),
    ),
    (
        &["deepseek-v3", "hunyuan-dense", "joyai-llm"],
        PreTokenizer::cut(&[
            Cut::Regex(r"\p{N}{1,3}"),
            Cut::Regex("[一-龥\u{3040}-ゟ゠-ヿ]+"),
            Cut::Regex(DEEPSEEK3),
        ]),
    ),
    (
        &["deepseek-coder"],
        PreTokenizer::cut(&[
            Cut::Regex(r"[\r\n]"),
            Cut::Regex(r"\s?\p{L}+"),
            Cut::Regex(r"\s?\p{P}+"),
            Cut::Regex("[一-龥ࠀ-一가-\u{d7ff}]+"),
            Cut::Digits,
        ]),
    ),
];

const LLAMA3: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

const QWEN2: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

const QWEN35: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}",
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

const TEKKEN: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

const GPT4O: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

const DEEPSEEK3: &str = concat!(
    r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"##,
    r"|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*",
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
);

impl PreTokenizer {
    /// What `name` means; a file without the key means GPT-2's way.
    pub(super) fn named(name: Option<&str>) -> Result<Self, TokenizerError> {
        let name = name.unwrap_or("default");
        TABLE
            .iter()
            .find(|(names, _)| names.contains(&name))
            .map(|&(_, meaning)| meaning)
            .ok_or_else(|| {
                let names: Vec<&str> = TABLE
                    .iter()
                    .flat_map(|(names, _)| *names)
                    .copied()
                    .collect();
                TokenizerError::Unsupported {
                    key: "tokenizer.ggml.pre",
                    value: name.to_owned(),
                    supported: names.join(", "),
                }
            })
    }

    /// The normaliser, if there is one.
    pub(super) fn normalizer(&self) -> Option<NormalizerWrapper> {
        self.nfc.then_some(NormalizerWrapper::NFC(NFC))
    }

    /// The cuts, the byte-level step last.
    pub(super) fn build(&self) -> Result<PreTokenizerWrapper, TokenizerError> {
        let mut steps: Vec<PreTokenizerWrapper> = Vec::with_capacity(self.cuts.len() + 1);
        let mut gpt2 = false;
        for cut in self.cuts {
            match *cut {
                Cut::Digits => steps.push(Digits::new(true).into()),
                Cut::Gpt2 => gpt2 = true,
                Cut::Regex(expression) => {
                    let pattern = SplitPattern::Regex(expression.to_owned());
                    let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false);
                    let split = split.map_err(|error| TokenizerError::Build {
                        reason: error.to_string(),
                    })?;
                    steps.push(split.into());
                }
            }
        }
        steps.push(ByteLevel::new(false, true, gpt2).into());
        Ok(Sequence::new(steps).into())
    }

    const fn cut(cuts: &'static [Cut]) -> Self {
        Self {
            nfc: false,
            cuts,
            ignore_merges: false,
            add_bos: false,
        }
    }

    const fn nfc(mut self) -> Self {
        self.nfc = true;
        self
    }

    const fn whole_words(mut self) -> Self {
        self.ignore_merges = true;
        self
    }

    const fn bos(mut self) -> Self {
        self.add_bos = true;
        self
    }
}

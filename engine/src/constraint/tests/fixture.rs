//! A vocabulary of bytes and a few longer tokens, and answers of which nobody but a grammar and chance
//! decides.

use std::sync::Arc;

use crate::constraint::{CompiledGrammar, Grammar, GrammarCompiler, GrammarError};
use crate::request::{GenerateRequest, ModelLimits, SamplingParams};
use crate::sampler::Sampler;
use crate::tokenizer::{GgufVocabulary, Tokenizer};

pub(super) const EOS: u32 = 257;
const WORDS: [&str; 8] = ["{\"", "\":", "\"}", "true", "[1", "yes", "abc", "  "];
pub(super) const VOCAB: usize = 258 + 8;
/// Logits are a few more than tokens, as in real models.
const ROW: usize = VOCAB + 38;

/// Bytes, two special tokens and words.
pub(super) fn tokenizer() -> Tokenizer {
    // How byte-level BPE writes bytes: printable Latin-1 as itself, the rest from U+0100 on.
    let mut others = 0x100..;
    let spell = |byte: u8| match byte {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
        _ => char::from_u32(others.next().unwrap()).unwrap(),
    };
    let spelled: Vec<String> = (0..=255).map(spell).map(String::from).collect();
    let mut tokens: Vec<&str> = spelled.iter().map(String::as_str).collect();
    tokens.extend(["<|bos|>", "<|end|>"]);
    tokens.extend(WORDS);
    let kinds = [vec![1; 256], vec![3; 2], vec![4; WORDS.len()]];
    let vocabulary = GgufVocabulary {
        model: "gpt2",
        pre: Some("gpt-2"),
        tokens,
        token_types: Some(kinds.concat()),
        merges: Some(Vec::new()),
        bos: Some(256),
        eos: Some(EOS),
        ..GgufVocabulary::default()
    };
    Tokenizer::from_gguf(&vocabulary).unwrap()
}

pub(super) fn compiler() -> GrammarCompiler {
    GrammarCompiler::new(tokenizer(), vec![EOS])
}

pub(super) fn compiled(grammar: Result<Grammar, GrammarError>) -> Arc<CompiledGrammar> {
    compiler().compile(&grammar.unwrap()).unwrap()
}

/// A request for an answer of this form.
pub(super) fn request(grammar: &Arc<CompiledGrammar>, params: SamplingParams) -> GenerateRequest {
    let limits = ModelLimits {
        vocab_size: ROW,
        max_model_len: 10_000,
    };
    let proved = GenerateRequest::new([1].as_slice().into(), 0, Arc::new(params), &limits);
    proved.unwrap().with_grammar(Arc::clone(grammar))
}

/// A row that says nothing, but ends what may end sooner or later.
pub(super) fn row() -> Vec<f32> {
    let mut row = vec![0.0; ROW];
    // Closing is likelier than going on.
    for byte in *b"\"}]" {
        row[usize::from(byte)] = 4.0;
    }
    row[EOS as usize] = 2.0;
    row
}

/// The ids of an answer and why it is over: by its end, or by `max_tokens`.
pub(super) fn answer(request: &GenerateRequest) -> (Vec<u32>, bool) {
    let mut sampler = Sampler::new(request);
    let mut ids = Vec::new();
    while ids.len() < request.params().max_tokens as usize {
        let index = u32::try_from(ids.len()).unwrap();
        let id = sampler.sample(&mut row(), index, &[EOS]).unwrap().id;
        ids.push(id);
        sampler.observe(id);
        if request.stops_at(id, ids.len(), &[EOS]) {
            return (ids, true);
        }
    }
    (ids, false)
}

/// The text of ids, whose end has none.
pub(super) fn text(ids: &[u32]) -> String {
    tokenizer().decode(ids, true)
}

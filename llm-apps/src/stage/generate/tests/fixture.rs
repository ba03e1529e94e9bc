//! Models, requests, and the reading of answers.

use std::num::NonZeroUsize;

use engine::testing::FakeModel;
use engine::tokenizer::{GgufVocabulary, Tokenizer};
use engine::{Engine, EngineConfig, ModelLimits, SamplingParams};
use futures::StreamExt;

use crate::stage::generate::{
    FinishReason, ModelInfo, Prompt, TextEvent, TextModel, TextModelParts, TextRequest, TextStream,
    TextToken, TextUsage,
};

pub(super) const BOS: u32 = 256;
pub(super) const IM_START: u32 = 257;
pub(super) const EOS: u32 = 258;
/// Tokens of more than a byte, from id 259 on.
pub(super) const WORDS: [&str; 6] = ["Hello", " wor", "ld. S", "TOP and", " more", "\n\n"];
pub(super) const VOCAB: u32 = 259 + 6;

const TEMPLATE: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n\
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// The id of one of [`WORDS`].
pub(super) fn word(text: &str) -> u32 {
    let place = WORDS.iter().position(|word| *word == text);
    259 + u32::try_from(place.expect("a word of the vocabulary")).unwrap()
}

/// The ids of a text's bytes.
pub(super) fn bytes(text: &str) -> Vec<u32> {
    text.bytes().map(u32::from).collect()
}

/// Bytes, special tokens and words.
pub(super) fn tokenizer() -> Tokenizer {
    // How byte-level BPE writes bytes: printable Latin-1 as itself, the rest from U+0100 on.
    let mut others = 0x100..;
    let spell = |byte: u8| match byte {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
        _ => char::from_u32(others.next().unwrap()).unwrap(),
    };
    let spelled: Vec<String> = (0..=255).map(spell).map(String::from).collect();
    let mut tokens: Vec<&str> = spelled.iter().map(String::as_str).collect();
    tokens.extend(["<|bos|>", "<|im_start|>", "<|im_end|>"]);
    tokens.extend(WORDS);
    let kinds = [vec![1; 256], vec![3; 3], vec![4; WORDS.len()]];
    let vocabulary = GgufVocabulary {
        model: "gpt2",
        pre: Some("gpt-2"),
        tokens,
        token_types: Some(kinds.concat()),
        merges: Some(Vec::new()),
        bos: Some(BOS),
        eos: Some(EOS),
        add_bos: Some(true),
        chat_template: Some(TEMPLATE),
        ..GgufVocabulary::default()
    };
    Tokenizer::from_gguf(&vocabulary).unwrap()
}

pub(super) fn limits() -> ModelLimits {
    ModelLimits {
        vocab_size: VOCAB as usize,
        max_model_len: 256,
    }
}

pub(super) fn fake() -> FakeModel {
    FakeModel::new(limits(), 1024)
}

/// A text model on `fake`.
pub(super) fn model_on(fake: FakeModel, config: &EngineConfig) -> TextModel {
    let tokenizer = tokenizer();
    TextModel::new(TextModelParts {
        engine: Engine::start(Box::new(fake), vec![EOS], config)
            .unwrap()
            .into(),
        chat_template: Some(tokenizer.chat_template().unwrap()),
        tokenizer,
        info: ModelInfo {
            id: "fake".to_owned(),
            aliases: Vec::new(),
            created: 0,
            eos: vec![EOS],
        },
        preparing: NonZeroUsize::MIN,
    })
}

/// A text model that answers every prompt with `script`, then ends.
pub(super) fn saying(script: Vec<u32>) -> TextModel {
    model_on(fake().scripted(script, EOS), &EngineConfig::default())
}

/// A text model whose answers follow from the draws.
pub(super) fn drawing() -> TextModel {
    model_on(fake(), &EngineConfig::default())
}

/// Greedy, up to 100 tokens.
pub(super) fn asking(prompt: &str) -> TextRequest {
    let params = SamplingParams {
        temperature: 0.0,
        ..SamplingParams::default()
    };
    TextRequest {
        max_tokens: Some(100),
        ..TextRequest::new(Prompt::text(prompt), params)
    }
}

/// All that a choice said.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) prompt: Option<(String, Vec<TextToken>)>,
    pub(super) text: String,
    pub(super) tokens: Vec<TextToken>,
    pub(super) end: Option<TextEvent>,
}

impl Answer {
    /// Adds an event; none may follow the terminal one, and the prompt comes first.
    pub(super) fn read(&mut self, event: TextEvent) {
        assert_eq!(self.end, None, "{event:?} comes after the end");
        match event {
            TextEvent::Prompt { text, tokens, .. } => {
                assert!(self.text.is_empty() && self.tokens.is_empty() && self.prompt.is_none());
                self.prompt = Some((text, tokens));
            }
            TextEvent::Delta { text, tokens, .. } => {
                assert!(!text.is_empty() || !tokens.is_empty(), "an empty delta");
                self.text.push_str(&text);
                self.tokens.extend(tokens);
            }
            end @ (TextEvent::Finished { .. } | TextEvent::Failed { .. }) => self.end = Some(end),
        }
    }

    pub(super) fn ids(&self) -> Vec<u32> {
        self.tokens.iter().map(|token| token.id).collect()
    }

    pub(super) fn finished(&self) -> (&FinishReason, TextUsage) {
        match &self.end {
            Some(TextEvent::Finished { reason, usage, .. }) => (reason, *usage),
            other => panic!("the answer ended in {other:?}"),
        }
    }
}

/// Reads a stream to its end.
pub(super) async fn read(mut stream: TextStream, n: usize) -> Vec<Answer> {
    let mut answers = vec![Answer::default(); n];
    while let Some(event) = stream.next().await {
        answers[event.choice() as usize].read(event);
    }
    assert!(
        answers.iter().all(|answer| answer.end.is_some()),
        "{answers:#?}"
    );
    assert_eq!(stream.next().await, None, "the end is the end");
    answers
}

/// Prepares, submits and reads.
pub(super) async fn ask(model: &TextModel, request: TextRequest) -> Vec<Answer> {
    let n = request.n as usize;
    let prepared = model.prepare(request).await.unwrap();
    read(model.submit(&prepared).unwrap(), n).await
}

/// The same for one choice.
pub(super) async fn ask_one(model: &TextModel, request: TextRequest) -> Answer {
    assert_eq!(request.n, 1);
    ask(model, request).await.remove(0)
}

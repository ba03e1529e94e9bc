//! Which tokens of a GGUF vocabulary are what: kinds, special tokens, tokens that end an answer.

use std::collections::BTreeMap;

use tokenizers::AddedToken;
use tokenizers::models::bpe::Vocab;

use super::vocabulary::GgufVocabulary;
use crate::tokenizer::chat_template::ChatTemplateSource;
use crate::tokenizer::pieces::byte_of;

/// Token types of the format.
pub(super) const UNKNOWN: i32 = 2;
pub(super) const CONTROL: i32 = 3;
pub(super) const USER_DEFINED: i32 = 4;
pub(super) const UNUSED: i32 = 5;
pub(super) const BYTE: i32 = 6;

/// Texts of control tokens that end an answer whatever the file's `eos_token_id` says: files often
/// name the end of the document there and leave the end of a turn out.
const END_TEXTS: &[&str] = &[
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<｜end▁of▁sentence｜>",
    "[EOT]",
    "<EOT>",
];

impl GgufVocabulary<'_> {
    /// From texts to ids. Tokens without a text have none.
    pub(super) fn ids(&self) -> Vocab {
        (0..)
            .zip(&self.tokens)
            .filter(|(_, token)| !token.is_empty())
            .map(|(id, token)| ((*token).to_owned(), id))
            .collect()
    }

    /// Tokens that are found in a text before it is cut, by id.
    pub(super) fn added_tokens(&self) -> Vec<(usize, AddedToken)> {
        let added = |(id, token): (usize, &&str)| {
            let special = match self.kind(id) {
                UNKNOWN | CONTROL => true,
                USER_DEFINED => false,
                _ => return None,
            };
            let token = AddedToken::from(*token, special).normalized(false);
            (!token.content.is_empty()).then_some((id, token))
        };
        self.tokens.iter().enumerate().filter_map(added).collect()
    }

    pub(super) fn kind(&self, id: usize) -> i32 {
        let kind = self.token_types.as_ref().and_then(|types| types.get(id));
        kind.copied().unwrap_or(1)
    }

    /// Words for an error when some byte has no token, so that not every text can be spelled.
    pub(super) fn missing_byte_token(&self) -> Option<&'static str> {
        let bytes = self
            .tokens
            .iter()
            .filter_map(|token| byte_of(token))
            .count();
        (bytes < 256).then_some("a SentencePiece vocabulary without all byte tokens needs")
    }

    /// SentencePiece vocabularies have the prefix unless they say otherwise, others never.
    pub(super) fn has_space_prefix(&self) -> bool {
        self.model == "llama" && self.add_space_prefix.unwrap_or(true)
    }

    pub(super) fn eos_ids(&self) -> Vec<u32> {
        let named = [self.eos, self.eot, self.eom].into_iter().flatten();
        let by_text = (0..)
            .zip(&self.tokens)
            .filter(|(id, token)| END_TEXTS.contains(token) && self.kind(*id as usize) == CONTROL)
            .map(|(id, _)| id);
        let mut ids: Vec<u32> = named.chain(by_text).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    pub(super) fn templates(&self) -> ChatTemplateSource {
        let tokens = [
            ("bos_token", self.bos),
            ("eos_token", self.eos),
            ("unk_token", self.unk),
            ("pad_token", self.pad),
        ];
        let text = |(name, id): (&str, Option<u32>)| {
            let token = self.tokens.get(id? as usize)?;
            Some((name.to_owned(), (*token).to_owned()))
        };
        let owned = |(name, template): &(&str, &str)| ((*name).to_owned(), (*template).to_owned());
        ChatTemplateSource {
            template: self.chat_template.map(str::to_owned),
            named: self.named_templates.iter().map(owned).collect(),
            tokens: tokens
                .into_iter()
                .filter_map(text)
                .collect::<BTreeMap<_, _>>(),
        }
    }
}

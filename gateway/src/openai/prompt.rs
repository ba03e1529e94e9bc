//! The prompt of a completion: a text, a list of texts, token ids, or a list of lists of token ids.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Unexpected, Visitor};

/// One prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// To be tokenised.
    Text(String),
    /// Token ids, taken as they are.
    Tokens(Vec<u32>),
}

/// The prompts of a request, in its order; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prompts(pub(crate) Vec<Prompt>);

impl<'de> Deserialize<'de> for Prompts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PromptsVisitor)
    }
}

struct PromptsVisitor;

impl<'de> Visitor<'de> for PromptsVisitor {
    type Value = Prompts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a list of strings, a list of token ids, or a list of such lists")
    }

    fn visit_str<E>(self, text: &str) -> Result<Prompts, E> {
        Ok(Prompts(vec![Prompt::Text(text.to_owned())]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Prompts, A::Error> {
        let mut tokens = Vec::new();
        let mut prompts = Vec::new();
        while let Some(item) = list.next_element()? {
            match item {
                Item::Token(id) if prompts.is_empty() => tokens.push(id),
                Item::Prompt(prompt) if tokens.is_empty() => prompts.push(prompt),
                Item::Token(_) | Item::Prompt(_) => {
                    return Err(A::Error::custom(
                        "token ids and prompts are mixed in one list",
                    ));
                }
            }
        }
        if !tokens.is_empty() {
            prompts.push(Prompt::Tokens(tokens));
        }
        if prompts.is_empty() {
            return Err(A::Error::custom(
                "the list is empty; at least one prompt is needed",
            ));
        }
        Ok(Prompts(prompts))
    }
}

/// What a number in a prompt must be.
const TOKEN_ID: &str = "a token id from 0 to 4294967295";

/// One item of the outer list.
enum Item {
    Token(u32),
    Prompt(Prompt),
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a token id, or a list of token ids")
    }

    fn visit_u64<E: serde::de::Error>(self, given: u64) -> Result<Item, E> {
        let id = u32::try_from(given);
        let id = id.map_err(|_| E::invalid_value(Unexpected::Unsigned(given), &TOKEN_ID))?;
        Ok(Item::Token(id))
    }

    fn visit_str<E>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Prompt(Prompt::Text(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Item, A::Error> {
        let mut tokens = Vec::new();
        while let Some(id) = list.next_element()? {
            tokens.push(id);
        }
        Ok(Item::Prompt(Prompt::Tokens(tokens)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::openai::parse::typed;

    #[derive(Debug, serde::Deserialize)]
    struct Holder {
        prompt: Prompts,
    }

    #[test]
    fn every_form_is_read_and_others_say_where_they_are_wrong() {
        let text = |t: &str| Prompt::Text(t.to_owned());
        for (json, expected) in [
            (json!("a"), vec![text("a")]),
            (json!(["a", "b"]), vec![text("a"), text("b")]),
            (json!([1, 2]), vec![Prompt::Tokens(vec![1, 2])]),
            (
                json!([[1], [2, 3]]),
                vec![Prompt::Tokens(vec![1]), Prompt::Tokens(vec![2, 3])],
            ),
            (json!(["a", [1]]), vec![text("a"), Prompt::Tokens(vec![1])]),
        ] {
            let read: Holder = typed(&json!({ "prompt": json })).unwrap();
            assert_eq!(read.prompt.0, expected);
        }
        for (json, at) in [
            (json!([]), "prompt: "),
            (json!(7), "prompt must be "),
            (json!({}), "prompt must be "),
            (json!([1, "a"]), "prompt: "),
            (json!(["a", 1]), "prompt: "),
            (json!([-1]), "prompt[0] must be "),
            (json!([1.5]), "prompt[0] must be "),
            (json!([4_294_967_296_u64]), "prompt[0] must be "),
            (json!([[1, "x"]]), "prompt[0][1] must be "),
        ] {
            let error = typed::<Holder>(&json!({ "prompt": json })).unwrap_err();
            assert!(error.to_string().starts_with(at), "{json}: {error}");
        }
    }
}

//! What holds for every answer and every stop string: the stream says what the whole would say.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};

use engine::{FinishReason as EngineFinish, TokenEvent, Usage};
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use super::fixture::*;
use crate::stage::generate::choice::{Choice, Next};
use crate::stage::generate::{FinishReason, PreparedRequest, StopMatch, TextModel, TextRequest};

static MODEL: LazyLock<(Runtime, TextModel)> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().build().unwrap();
    (runtime, saying(vec![]))
});

fn prepare(request: TextRequest) -> PreparedRequest {
    let (runtime, model) = &*MODEL;
    runtime.block_on(model.prepare(request)).unwrap()
}

/// What a choice says of these tokens.
fn said(prepared: &PreparedRequest, tokens: &[u32]) -> Answer {
    let (_, model) = &*MODEL;
    let eos: Arc<[u32]> = [EOS].into();
    let request = &prepared.requests()[0];
    let mut choice = Choice::new(prepared, request, model.tokenizer(), &eos);
    let mut events = VecDeque::new();
    let done = TokenEvent::Done {
        reason: EngineFinish::Length,
        usage: Usage::default(),
    };
    let events_in = tokens.iter().map(|&id| TokenEvent::Token {
        id,
        logprobs: None,
        cached_tokens: 0,
    });
    for event in events_in.chain([done]) {
        if choice.read(event, &mut events) == Next::Ended {
            break;
        }
    }
    let mut answer = Answer::default();
    events.into_iter().for_each(|event| answer.read(event));
    answer
}

/// The first stop string to be complete in `text`, the longest of those that end together: where it
/// begins and which it is.
fn first_stop(text: &str, stops: &[String]) -> Option<(usize, String)> {
    let found = |stop: &String| {
        let start = text.find(stop.as_str())?;
        Some((start + stop.len(), start, stop.clone()))
    };
    let first = stops.iter().filter_map(found).min();
    first.map(|(_, start, stop)| (start, stop))
}

fn any_tokens() -> impl Strategy<Value = Vec<u32>> {
    let token = prop_oneof![
        6 => (b'a'..=b'c').prop_map(u32::from),
        2 => prop::sample::select(bytes("é😀")),
        1 => Just(IM_START),
        1 => 259..VOCAB,
    ];
    prop::collection::vec(token, 0..60)
}

fn any_stops() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[abcé]{1,4}|lo w|ld", 0..4)
}

/// Where the text of each token begins in the whole, in characters: told from the whole text's bytes.
fn offsets(tokens: &[u32]) -> Vec<usize> {
    let (_, model) = &*MODEL;
    let pieces: Vec<&[u8]> = tokens
        .iter()
        .map(|&id| model.tokenizer().token_bytes(id))
        .collect();
    let mut of_byte = Vec::new();
    let mut chars = 0;
    for chunk in pieces.concat().utf8_chunks() {
        for character in chunk.valid().chars() {
            of_byte.extend(vec![chars; character.len_utf8()]);
            chars += 1;
        }
        of_byte.extend(vec![chars; chunk.invalid().len()]);
        chars += usize::from(!chunk.invalid().is_empty());
    }
    let starts = pieces.iter().scan(0, |next, piece| {
        let start = *next;
        *next += piece.len();
        Some(start)
    });
    starts.map(|start| of_byte[start]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn offsets_are_where_the_tokens_begin_in_the_whole_text(tokens in any_tokens()) {
        let prepared = prepare(TextRequest { skip_special_tokens: false, ..asking("x") });
        let answer = said(&prepared, &tokens);
        let found: Vec<_> = answer.tokens.iter().map(|token| token.offset).collect();
        prop_assert_eq!(found, offsets(&tokens), "{:?}", answer.text);
    }

    #[test]
    fn streamed_text_is_the_whole_text_up_to_the_first_stop(
        tokens in any_tokens(),
        stop in any_stops(),
        include in any::<bool>(),
        skip_special in any::<bool>(),
    ) {
        let (_, model) = &*MODEL;
        let prepared = prepare(TextRequest {
            stop: stop.clone(),
            include_stop_str_in_output: include,
            skip_special_tokens: skip_special,
            ..asking("x")
        });
        let answer = said(&prepared, &tokens);
        let whole = model.tokenizer().decode(&tokens, skip_special);
        let (reason, usage) = answer.finished();
        match first_stop(&whole, &stop) {
            None => {
                prop_assert_eq!(&answer.text, &whole);
                prop_assert_eq!(answer.ids(), tokens);
                prop_assert_eq!(reason, &FinishReason::Length);
            }
            Some((start, found)) => {
                let end = if include { start + found.len() } else { start };
                prop_assert_eq!(&answer.text, &whole[..end]);
                prop_assert_eq!(reason, &FinishReason::Stop { matched: Some(StopMatch::Text(found)) });
                // The tokens are a beginning of those read, and write at least the text.
                let ids = answer.ids();
                prop_assert!(tokens.starts_with(&ids));
                let read = usage.completion_tokens as usize;
                prop_assert!(ids.len() <= read && read <= tokens.len());
                let written = model.tokenizer().decode(&ids, skip_special);
                prop_assert!(written.starts_with(&answer.text), "{:?} {:?}", written, answer.text);
            }
        }
    }
}

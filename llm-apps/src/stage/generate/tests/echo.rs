//! The prompt as part of the answer, and its score.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::{EngineConfig, LogitRows, ModelError, SamplingParams, ScheduledSequence};

use super::fixture::*;
use crate::stage::generate::{FinishReason, Prompt, TextEvent, TextRequest};

#[tokio::test]
async fn the_prompt_comes_first_and_offsets_count_from_it() {
    let request = TextRequest {
        echo: true,
        ..asking("é1")
    };
    let answer = ask_one(&saying(bytes("ab")), request).await;
    let (text, tokens) = answer.prompt.clone().expect("the prompt is echoed");
    assert_eq!(text, "é1");
    // The beginning token, two bytes of one character, one of the next.
    let places: Vec<_> = tokens
        .iter()
        .map(|token| (token.id, token.offset))
        .collect();
    assert_eq!(places, [(BOS, 0), (0xc3, 0), (0xa9, 0), (0x31, 1)]);
    assert!(tokens.iter().all(|token| token.logprobs.is_none()));
    let offsets: Vec<_> = answer.tokens.iter().map(|token| token.offset).collect();
    assert_eq!((answer.text.as_str(), offsets), ("ab", vec![2, 3]));
}

#[tokio::test]
async fn a_text_is_scored_with_max_tokens_0() {
    let mut request = TextRequest {
        echo: true,
        max_tokens: Some(0),
        ..asking("Hello wor")
    };
    request.params.logprobs = Some(2);
    let answer = ask_one(&drawing(), request).await;
    let (text, tokens) = answer.prompt.clone().expect("the prompt is echoed");
    assert_eq!(text, "Hello wor");
    let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
    assert_eq!(ids, [BOS, word("Hello"), word(" wor")]);
    assert_eq!(tokens[0].logprobs, None, "nothing predicts the first token");
    for token in &tokens[1..] {
        let logprobs = token.logprobs.as_ref().expect("a score");
        assert!(logprobs.logprob < 0.0 && logprobs.rank >= 1);
        assert_eq!(logprobs.top.len(), 2);
        assert!(logprobs.top[0].logprob >= logprobs.top[1].logprob);
    }
    assert_eq!((answer.text.as_str(), answer.tokens.len()), ("", 0));
    let (reason, usage) = answer.finished();
    assert_eq!(reason, &FinishReason::Length);
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (3, 0));
}

#[tokio::test]
async fn scores_of_the_prompt_come_without_echo_too() {
    let mut request = asking("ab");
    request.params.prompt_logprobs = Some(0);
    let answer = ask_one(&saying(bytes("xy")), request).await;
    let (_, tokens) = answer.prompt.clone().expect("the prompt's scores");
    assert!(tokens[1..].iter().all(|token| token.logprobs.is_some()));
    assert_eq!(
        answer.tokens[0].offset, 0,
        "the answer's text does not begin with the prompt"
    );
}

#[tokio::test]
async fn a_prompt_is_scored_once_for_all_its_choices() {
    let scored = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&scored);
    let fake = fake().on_step(move |plan| {
        let all = |s: &&ScheduledSequence| s.logits == LogitRows::All;
        count.fetch_add(plan.sequences.iter().filter(all).count(), Ordering::Relaxed);
        Ok(())
    });
    let model = model_on(fake, &EngineConfig::default());
    let mut request = TextRequest {
        n: 3,
        echo: true,
        ..asking("Hello wor")
    };
    request.params.temperature = 1.0;
    request.params.logprobs = Some(2);
    let answers = ask(&model, request.clone()).await;
    assert_eq!(scored.load(Ordering::Relaxed), 1, "one sequence, one step");
    // Each choice says of the prompt what it says when it is alone.
    request.n = 1;
    let alone = ask_one(&model, request).await;
    for answer in &answers {
        assert_eq!(answer.prompt, alone.prompt);
    }
    assert_eq!(answers[0], alone);
}

#[tokio::test]
async fn choices_without_a_score_to_share_fail_as_well() {
    let failing = fake().on_step(|_| {
        Err(ModelError::Plan {
            why: "lost".to_owned(),
        })
    });
    let mut request = TextRequest {
        n: 3,
        ..asking("ab")
    };
    request.params.prompt_logprobs = Some(0);
    let answers = ask(&model_on(failing, &EngineConfig::default()), request).await;
    for answer in &answers {
        assert!(matches!(answer.end, Some(TextEvent::Failed { .. })));
    }
}

#[tokio::test]
async fn token_ids_are_echoed_as_their_text() {
    let request = TextRequest {
        prompt: Prompt::Tokens(vec![IM_START, word("Hello"), word(" wor")]),
        echo: true,
        ..TextRequest::new(Prompt::text(""), SamplingParams::default())
    };
    let answer = ask_one(&saying(vec![]), request).await;
    let (text, tokens) = answer.prompt.expect("the prompt is echoed");
    assert_eq!(text, "Hello wor");
    let offsets: Vec<_> = tokens.iter().map(|token| token.offset).collect();
    assert_eq!(offsets, [0, 0, 5]);
}

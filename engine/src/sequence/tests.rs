//! What a sequence wants computed, and when it is over.

use std::sync::Arc;

use crate::batch::{LogitRows, SequenceId};
use crate::event::FinishReason;
use crate::request::{GenerateRequest, ModelLimits, SamplingParams};
use crate::sequence::Sequence;

const EOS: &[u32] = &[2];

fn sequence(prompt_len: u32, params: SamplingParams) -> Sequence {
    let limits = ModelLimits {
        vocab_size: 1000,
        max_model_len: 1000,
    };
    let prompt: Vec<u32> = (10..10 + prompt_len).collect();
    let request = GenerateRequest::new(prompt.into(), 0, Arc::new(params), &limits);
    Sequence::new(SequenceId(0), request.expect("the test's request is valid"))
}

fn max_tokens(max_tokens: u32) -> SamplingParams {
    SamplingParams {
        max_tokens,
        ..SamplingParams::default()
    }
}

#[test]
fn only_the_end_of_the_gap_wants_logits() {
    let sequence = sequence(10, max_tokens(4));
    assert_eq!(sequence.logits_at(9), LogitRows::None);
    assert_eq!(sequence.logits_at(10), LogitRows::Last);
}

#[test]
fn prompt_logprobs_want_each_position_once() {
    let params = SamplingParams {
        prompt_logprobs: Some(0),
        ..max_tokens(4)
    };
    let mut sequence = sequence(10, params);
    assert_eq!(sequence.matchable().1.len(), 1, "nothing may be skipped");
    assert_eq!(sequence.logits_at(6), LogitRows::All);
    sequence.advance(6);

    sequence.preempt();
    assert_eq!(sequence.matchable().1.len(), 7, "what was scored may be");
    assert_eq!(sequence.logits_at(6), LogitRows::None);
    assert_eq!(sequence.logits_at(7), LogitRows::All);
    sequence.advance(10);
    sequence.append(50);
    assert_eq!(sequence.matchable().1.len(), 11);
    assert_eq!(sequence.logits_at(11), LogitRows::Last);
}

#[test]
fn reading_a_prompt_ends_when_all_is_scored() {
    let nothing = sequence(3, max_tokens(0));
    assert_eq!(nothing.finish_reason(EOS), Some(FinishReason::Length));

    let params = SamplingParams {
        prompt_logprobs: Some(0),
        ..max_tokens(0)
    };
    let one = sequence(1, params.clone());
    assert_eq!(one.finish_reason(EOS), Some(FinishReason::Length));
    let mut three = sequence(3, params);
    assert_eq!(three.finish_reason(EOS), None);
    three.advance(1);
    assert_eq!(three.finish_reason(EOS), None);
    three.advance(1);
    assert_eq!(three.finish_reason(EOS), Some(FinishReason::Length));
}

#[test]
fn an_answer_ends_by_its_tokens_alone() {
    let stop_at_7 = SamplingParams {
        stop_token_ids: vec![7],
        ..max_tokens(4)
    };
    let ignore_eos = SamplingParams {
        ignore_eos: true,
        ..stop_at_7.clone()
    };
    let not_before_2 = SamplingParams {
        min_tokens: 2,
        ..stop_at_7.clone()
    };
    let stop = |token| Some(FinishReason::StopToken(token));
    let length = Some(FinishReason::Length);
    for (params, answer, reason) in [
        (&stop_at_7, &[5, 5, 5][..], None),
        (&stop_at_7, &[5, 5, 5, 5], length),
        (&stop_at_7, &[5, 7], stop(7)),
        (&stop_at_7, &[5, 2], stop(2)),
        (&stop_at_7, &[5, 5, 5, 2], stop(2)),
        (&ignore_eos, &[5, 2], None),
        (&ignore_eos, &[7], stop(7)),
        (&not_before_2, &[5, 7], None),
        (&not_before_2, &[5, 5, 7], stop(7)),
    ] {
        let mut sequence = sequence(3, params.clone());
        answer.iter().for_each(|&token| sequence.append(token));
        assert_eq!(sequence.finish_reason(EOS), reason, "{answer:?} {params:?}");
        assert_eq!(sequence.usage().completion_tokens as usize, answer.len());
    }
}

#[test]
fn cached_tokens_are_those_of_the_first_admission() {
    let mut sequence = sequence(40, max_tokens(4));
    sequence.admit(16);
    sequence.preempt();
    sequence.admit(32);
    assert_eq!(sequence.num_computed(), 32);
    assert_eq!(sequence.usage().cached_tokens, 16);
}

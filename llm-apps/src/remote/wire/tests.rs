//! Both ways lose nothing.

use std::sync::Arc;

use engine::constraint::{Grammar, GrammarCompiler};
use engine::{
    EngineError, FinishReason, GenerateRequest, SamplingParams, TokenEvent, TokenLogprobs, Usage,
};

use crate::remote::tests::{LIMITS, tokenizer};

use super::{from_event, from_request, from_stats, to_event, to_request, to_stats};

#[test]
fn events_come_back_as_they_were() {
    let logprobs = |id, logprob| TokenLogprobs {
        id,
        logprob,
        rank: 2,
        top: vec![(5, -0.125), (id, logprob), (9, f32::NEG_INFINITY)],
    };
    let token = |logprobs| TokenEvent::Token {
        id: 7,
        logprobs,
        cached_tokens: 32,
    };
    let usage = Usage {
        prompt_tokens: 5,
        cached_tokens: 4,
        completion_tokens: 3,
    };
    let done = |reason| TokenEvent::Done { reason, usage };
    let failed = [
        EngineError::Full { limit: 3 },
        EngineError::ShuttingDown,
        EngineError::CacheTooSmall {
            needed: 4,
            total: 3,
        },
        EngineError::Model("it is lost".to_owned()),
        EngineError::Constraint("no form".to_owned()),
    ];
    let mut events = vec![
        TokenEvent::Prompt(vec![None, Some(logprobs(1, -1.0e-7)), None]),
        token(None),
        token(Some(logprobs(7, -0.333_333_34))),
        done(FinishReason::Length),
        done(FinishReason::StopToken(0)),
    ];
    events.extend(failed.map(TokenEvent::Failed));
    for event in events {
        assert_eq!(to_event(from_event(event.clone())).unwrap(), event);
    }
}

#[test]
fn requests_come_back_as_they_were() {
    let params = SamplingParams {
        temperature: 0.1,
        top_k: 3,
        top_p: 0.9,
        min_p: 0.05,
        repetition_penalty: 1.1,
        presence_penalty: -0.3,
        frequency_penalty: 0.7,
        logit_bias: vec![(3, -100.0), (4, 0.1)],
        seed: u64::MAX,
        max_tokens: 20,
        min_tokens: 2,
        stop_token_ids: vec![8, 9],
        ignore_eos: true,
        logprobs: Some(0),
        prompt_logprobs: Some(20),
        logprob_token_ids: vec![3, 1, 2],
    };
    let request =
        GenerateRequest::new([1, 2, 3].as_slice().into(), 4, Arc::new(params), &LIMITS).unwrap();
    let compiler = GrammarCompiler::new(tokenizer(), vec![0]);
    let said: Arc<[u32]> = [5, 6].as_slice().into();
    let forms = [
        Grammar::json_object(),
        Grammar::regex("a+"),
        Grammar::choice(&["yes".to_owned(), "no".to_owned()]),
        Grammar::language("start: \"a\" \"b\""),
    ];
    for form in forms.map(Result::unwrap) {
        let formed = request
            .clone()
            .with_grammar(compiler.compile(&form).unwrap());
        let (back, grammar) = to_request(from_request(&formed, &said, 16), &LIMITS).unwrap();
        assert_eq!(grammar.as_ref(), Some(&form));
        let back = back.with_grammar(compiler.compile(&form).unwrap());
        let expected = formed.resuming(Arc::clone(&said), 16, &LIMITS).unwrap();
        assert_eq!(back, expected);
    }
    let (back, grammar) = to_request(from_request(&request, &[], 0), &LIMITS).unwrap();
    assert_eq!((back, grammar), (request, None));
}

#[test]
fn statistics_come_back_as_they_were() {
    let mut status = from_stats(&engine::EngineStats::default());
    // Each number differs, so that none can stand in another's place.
    let mut next = 0;
    let mut number = || {
        next += 1;
        next
    };
    status.held_requests = number();
    status.running = number();
    status.waiting = number();
    status.blocks_total = number();
    status.blocks_free = number();
    status.blocks_used = number();
    status.blocks_cached = number();
    status.steps = number();
    status.prompt_tokens = number();
    status.generated_tokens = number();
    status.drafts = number();
    status.draft_tokens = number();
    status.accepted_tokens = number();
    status.prefix_queried_tokens = number();
    status.prefix_hit_tokens = number();
    status.preemptions = number();
    status.bypasses = number();
    status.aborted = number();
    status.finished_stop = number();
    status.finished_length = number();
    status.failed = number();
    status.tier_memory_blocks = number();
    status.tier_disk_blocks = number();
    status.tier_restored_blocks = number();
    status.tier_fetched_blocks = number();
    status.steps_nanos = number();
    status.scheduling_nanos = number();
    assert_eq!(from_stats(&to_stats(&status)), status);
}

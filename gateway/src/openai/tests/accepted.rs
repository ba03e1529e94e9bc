//! What valid requests become.

use engine::SamplingParams;
use serde_json::json;

use super::LENIENT;
use crate::openai::{
    ChatRequest, CompletionRequest, Prompt, StreamOptions, TokenizeText, chat_request,
    completion_request, detokenize_request, tokenize_request,
};

fn chat(body: &serde_json::Value) -> ChatRequest {
    chat_request(body.to_string().as_bytes(), LENIENT).unwrap()
}

fn completion(body: &serde_json::Value) -> CompletionRequest {
    completion_request(body.to_string().as_bytes(), LENIENT).unwrap()
}

#[test]
fn the_smallest_chat_takes_the_defaults() {
    let request = chat(&json!({
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
    }));
    assert_eq!(request.model, "m");
    assert_eq!(
        request.conversation.messages,
        [json!({"role": "user", "content": "Hi"})]
    );
    assert!(request.conversation.add_generation_prompt);
    let engines = SamplingParams::default();
    assert_eq!(request.decoding.params(&engines, 0), engines);
    assert_eq!(
        (request.decoding.given.max_tokens, request.decoding.seed),
        (None, None)
    );
    assert_eq!((request.decoding.n, request.stream), (1, None));
    assert!(request.decoding.skip_special_tokens);
}

#[test]
fn null_is_as_good_as_absent_everywhere() {
    let bare = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let mut nulls = bare.clone();
    for field in crate::openai::CHAT.iter().copied().flatten() {
        if !field.path.contains(['.', '[']) && nulls.get(field.path).is_none() {
            nulls[field.path] = json!(null);
        }
    }
    for field in [
        "name",
        "tool_calls",
        "tool_call_id",
        "refusal",
        "audio",
        "function_call",
    ] {
        nulls["messages"][0][field] = json!(null);
    }
    assert_eq!(chat(&nulls), chat(&bare));
}

#[test]
fn every_sampling_field_reaches_the_engine() {
    let request = chat(&json!({
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.05,
        "presence_penalty": 0.1, "frequency_penalty": 0.2, "repetition_penalty": 1.1,
        "logit_bias": {"5": -100, "6": 1.5}, "seed": -1, "max_completion_tokens": 7,
        "min_tokens": 2, "stop": "END", "stop_token_ids": [3], "ignore_eos": true,
        "include_stop_str_in_output": true, "skip_special_tokens": false,
        "add_special_tokens": true, "logprobs": true, "top_logprobs": 3, "n": 2,
        "prompt_logprobs": 1,
    }));
    let expected = SamplingParams {
        temperature: 0.5,
        top_p: 0.9,
        top_k: 40,
        min_p: 0.05,
        presence_penalty: 0.1,
        frequency_penalty: 0.2,
        repetition_penalty: 1.1,
        logit_bias: vec![(5, -100.0), (6, 1.5)],
        min_tokens: 2,
        stop_token_ids: vec![3],
        ignore_eos: true,
        logprobs: Some(3),
        prompt_logprobs: Some(1),
        seed: u64::MAX,
        ..SamplingParams::default()
    };
    assert_eq!(
        request.decoding.params(&SamplingParams::default(), 1),
        expected
    );
    assert_eq!(request.decoding.given.max_tokens, Some(7));
    assert_eq!(request.decoding.stop, ["END"]);
    assert_eq!(request.decoding.n, 2);
    assert!(request.decoding.include_stop && !request.decoding.skip_special_tokens);
    assert_eq!(request.decoding.add_special_tokens, Some(true));
}

#[test]
fn messages_keep_what_templates_read() {
    let request = chat(&json!({
        "model": "m",
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "name": "ann",
             "content": [{"type": "text", "text": "Look"}, {"type": "text", "text": "here"}]},
            {"role": "assistant", "content": null, "refusal": null, "annotations": [],
             "tool_calls": [{"id": "c1", "type": "function",
                             "function": {"name": "look", "arguments": "{\"a\": 1}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "seen"},
            {"role": "assistant", "content": "", "reasoning_content": "hm"},
        ],
        "continue_final_message": true,
        "chat_template_kwargs": {"enable_thinking": null},
        "documents": [{"title": "t", "text": "x"}],
    }));
    let conversation = request.conversation;
    assert_eq!(
        conversation.messages,
        [
            json!({"role": "system", "content": "Be brief."}),
            json!({"role": "user", "name": "ann",
                   "content": [{"type": "text", "text": "Look"}, {"type": "text", "text": "here"}]}),
            json!({"role": "assistant", "content": "",
                   "tool_calls": [{"id": "c1", "type": "function",
                                   "function": {"name": "look", "arguments": "{\"a\": 1}"}}]}),
            json!({"role": "tool", "tool_call_id": "c1", "content": "seen"}),
            json!({"role": "assistant", "content": "", "reasoning_content": "hm"}),
        ]
    );
    assert!(conversation.continue_final_message && !conversation.add_generation_prompt);
    assert_eq!(conversation.template_kwargs["enable_thinking"], json!(null));
    let documents = vec![json!({"title": "t", "text": "x"})];
    assert_eq!(conversation.documents, Some(documents));
}

#[test]
fn fields_that_ask_for_what_happens_anyway_are_taken() {
    let request = chat(&json!({
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [], "tool_choice": "none", "function_call": "none", "functions": [],
        "response_format": {"type": "text"}, "modalities": ["text"], "store": false,
        "service_tier": "auto", "verbosity": "medium", "parallel_tool_calls": true,
        "metadata": {"a": "b"}, "user": "u", "use_beam_search": false, "priority": 0,
    }));
    assert_eq!(request.unknown_fields, 0);
}

#[test]
fn unknown_fields_are_counted_at_every_depth() {
    let request = chat(&json!({
        "model": "m",
        "messages": [{"role": "user", "content": "Hi", "colour": "red"}],
        "stream": true, "stream_options": {"include_usage": true, "speed": 9},
        "surprise": {"a": {"b": 1}},
        "": 1, "stream_options.include_usage": 1, "messages[].role": 1,
        "chat_template_kwargs": {"anything": 1}, "metadata": {"anything": "1"},
    }));
    assert_eq!(request.unknown_fields, 6);
    assert_eq!(
        request.stream,
        Some(StreamOptions {
            include_usage: true,
            continuous_usage: false
        })
    );
}

#[test]
fn a_completion_scores_its_prompt_by_echo() {
    let request = completion(&json!({
        "model": "m", "prompt": [[1, 2], [3]], "echo": true, "max_tokens": 0, "logprobs": 1,
        "best_of": 1,
    }));
    assert_eq!(
        request.prompts,
        [Prompt::Tokens(vec![1, 2]), Prompt::Tokens(vec![3])]
    );
    assert!(request.echo);
    assert_eq!(request.decoding.given.max_tokens, Some(0));
    assert_eq!(request.decoding.logprobs, Some(1));
}

#[test]
fn what_a_request_does_not_say_takes_the_models_default() {
    let defaults = SamplingParams {
        temperature: 0.2,
        top_k: 50,
        repetition_penalty: 1.1,
        ..SamplingParams::default()
    };
    let request = completion(&json!({"model": "m", "prompt": "Once", "top_k": 0, "min_p": 0.1}));
    let params = request.decoding.params(&defaults, 9);
    let expected = SamplingParams {
        top_k: 0,
        min_p: 0.1,
        seed: 9,
        ..defaults
    };
    assert_eq!(params, expected);
}

#[test]
fn texts_and_tokens_go_both_ways() {
    let text = br#"{"prompt": "Hi", "return_token_strs": true}"#;
    let request = tokenize_request(text, LENIENT).unwrap();
    assert_eq!(request.text, TokenizeText::Prompt("Hi".to_owned()));
    assert!(request.return_token_strs && request.model.is_none());
    let chat = br#"{"messages": [{"role": "user", "content": "Hi"}]}"#;
    let request = tokenize_request(chat, LENIENT).unwrap();
    assert!(matches!(request.text, TokenizeText::Messages(_)));
    let request = detokenize_request(br#"{"tokens": [1, 2]}"#, LENIENT).unwrap();
    assert_eq!(request.tokens, [1, 2]);
}

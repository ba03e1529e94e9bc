//! Text completions in one piece: prompts in every form, echo and scoring.

use engine::SamplingParams;
use gateway::openai::Defaults;
use gateway::{GatewayConfig, ModelEntry};
use serde_json::{Value, json};

use crate::fixture::{MODEL, Server, drawing, new_state, saying, text_model};

const COMPLETIONS: &str = "/v1/completions";

#[tokio::test]
async fn an_answer_has_openais_shape_to_the_last_field() {
    let server = Server::start(saying("123")).await;
    let answer = server.ask(COMPLETIONS, json!({"prompt": "ab"})).await;
    assert_eq!(answer["id"], "cmpl-0123456789ab4def8123456789abcdef");
    assert_eq!(answer["object"], "text_completion");
    assert_eq!(
        (&answer["created"], &answer["model"]),
        (&json!(1_700_000_000), &json!(MODEL))
    );
    assert_eq!(
        answer["choices"],
        json!([{"text": "123", "index": 0, "logprobs": null, "finish_reason": "stop"}])
    );
    assert_eq!(
        answer["usage"]["prompt_tokens"], 3,
        "the beginning token counts"
    );
    assert_eq!(
        answer["usage"]["completion_tokens"], 4,
        "the end token counts"
    );
}

#[tokio::test]
async fn prompts_come_in_four_forms() {
    let server = Server::start(saying("!")).await;
    let bytes = |text: &str| -> Vec<u32> { text.bytes().map(u32::from).collect() };
    for (prompt, texts, prompt_tokens) in [
        (json!("ab"), vec!["ab!"], 3),
        (json!(["ab", "c"]), vec!["ab!", "c!"], 5),
        (json!(bytes("ab")), vec!["ab!"], 2),
        (json!([bytes("ab"), bytes("c")]), vec!["ab!", "c!"], 3),
    ] {
        let body = json!({"prompt": prompt, "echo": true, "temperature": 0});
        let answer = server.ask(COMPLETIONS, body).await;
        let choices = answer["choices"].as_array().unwrap();
        let found: Vec<_> = choices
            .iter()
            .map(|c| c["text"].as_str().unwrap())
            .collect();
        assert_eq!(found, texts, "{prompt}");
        let indices: Vec<_> = choices
            .iter()
            .map(|c| c["index"].as_u64().unwrap())
            .collect();
        assert_eq!(indices, (0..texts.len() as u64).collect::<Vec<_>>());
        assert_eq!(answer["usage"]["prompt_tokens"], prompt_tokens, "{prompt}");
    }
}

#[tokio::test]
async fn several_prompts_have_n_choices_each() {
    let server = Server::start(saying("!")).await;
    let body = json!({"prompt": ["a", "b"], "n": 2, "best_of": 2, "echo": true, "temperature": 0});
    let answer = server.ask(COMPLETIONS, body).await;
    let texts: Vec<_> = answer["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["text"])
        .collect();
    assert_eq!(texts, ["a!", "a!", "b!", "b!"]);
    assert_eq!(
        answer["usage"]["prompt_tokens"], 4,
        "each prompt counts once"
    );
    assert_eq!(answer["usage"]["completion_tokens"], 8);
}

#[tokio::test]
async fn a_text_is_scored_by_echo_and_no_new_tokens() {
    let server = Server::start(drawing()).await;
    let text = "héllo";
    let body = json!({"prompt": text, "echo": true, "max_tokens": 0, "logprobs": 2});
    let answer = server.ask(COMPLETIONS, body).await;
    let choice = &answer["choices"][0];
    assert_eq!(
        (&choice["text"], &choice["finish_reason"]),
        (&json!(text), &json!("length"))
    );
    let logprobs = &choice["logprobs"];
    let list = |name: &str| -> &Vec<Value> { logprobs[name].as_array().unwrap() };
    assert_eq!(
        list("tokens"),
        &["<|bos|>", "h", "bytes:\\xc3", "bytes:\\xa9", "l", "l", "o"].map(|t| json!(t))
    );
    assert_eq!(
        list("text_offset"),
        &[0, 0, 1, 1, 2, 3, 4].map(|o| json!(o))
    );
    assert_eq!(list("token_logprobs")[0], json!(null));
    assert_eq!(list("top_logprobs")[0], json!(null));
    for (index, token) in list("tokens").iter().enumerate().skip(1) {
        let own = list("token_logprobs")[index].as_f64().unwrap();
        let top = list("top_logprobs")[index].as_object().unwrap();
        assert!(own < 0.0 && (2..=3).contains(&top.len()));
        assert_eq!(
            top[token.as_str().unwrap()].as_f64(),
            Some(own),
            "its own score is in"
        );
        assert!(top.values().all(|p| p.as_f64().unwrap() <= 0.0));
    }
    assert_eq!(answer["usage"]["completion_tokens"], 0);
}

#[tokio::test]
async fn log_probabilities_come_in_the_classic_shape() {
    let server = Server::start(saying("yes")).await;
    let body = json!({"prompt": "a", "logprobs": 0, "temperature": 0, "prompt_logprobs": 0});
    let choice = server.ask(COMPLETIONS, body).await["choices"][0].clone();
    let logprobs = &choice["logprobs"];
    assert_eq!(logprobs["tokens"], json!(["y", "e", "s"]));
    assert_eq!(logprobs["text_offset"], json!([0, 1, 2]));
    assert_eq!(logprobs["top_logprobs"][0].as_object().unwrap().len(), 1);
    assert_eq!(
        choice["text"], "yes",
        "a scored prompt is not echoed unless asked"
    );
    assert_eq!(choice["prompt_logprobs"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_models_defaults_hold_where_a_request_is_silent() {
    let defaults = Defaults {
        params: SamplingParams {
            temperature: 0.0,
            ..SamplingParams::default()
        },
        max_tokens: Some(4),
    };
    let text = text_model(drawing());
    let state = new_state(GatewayConfig::default());
    let entry = ModelEntry {
        text: text.clone(),
        defaults,
    };
    state.serve([entry], []).unwrap();
    let server = Server::of(state, text).await;
    let ask = |more: Value| {
        let mut body = json!({"prompt": "a", "ignore_eos": true});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        server.ask(COMPLETIONS, body)
    };
    let silent = ask(json!({})).await;
    assert_eq!(silent["usage"]["completion_tokens"], 4);
    let greedy = ask(json!({"temperature": 0, "max_tokens": 4})).await;
    assert_eq!(silent["choices"], greedy["choices"]);
    assert_eq!(
        ask(json!({"max_tokens": 7})).await["usage"]["completion_tokens"],
        7
    );
}

//! From text to proved requests.

use engine::InvalidRequest;
use serde_json::json;

use super::fixture::*;
use crate::stage::generate::{ChatPrompt, GenerateError, MAX_CHOICES, Prompt, TextRequest};

#[tokio::test]
async fn a_conversation_is_rendered_and_tokenized() {
    let model = saying(vec![]);
    let chat = Prompt::chat(vec![json!({"role": "user", "content": "Hello"})]);
    let ids = model.tokenize(chat).await.unwrap();
    let expected = [
        vec![IM_START],
        bytes("user\n"),
        vec![word("Hello"), EOS],
        bytes("\n"),
        vec![IM_START],
        bytes("assistant\n"),
    ];
    assert_eq!(ids, expected.concat());
    let text = model.detokenize(ids, true).await.unwrap();
    assert_eq!(text, "user\nHello\nassistant\n");
}

#[tokio::test]
async fn a_text_gets_the_models_beginning_token_when_wanted() {
    let model = saying(vec![]);
    assert_eq!(
        model.tokenize(Prompt::text("ab")).await.unwrap(),
        [BOS, 97, 98]
    );
    let bare = Prompt::Text {
        text: "ab".to_owned(),
        add_special_tokens: false,
    };
    assert_eq!(model.tokenize(bare).await.unwrap(), [97, 98]);
}

#[tokio::test]
async fn max_tokens_fills_the_context_when_not_given() {
    let request = TextRequest {
        max_tokens: None,
        ..asking("abc")
    };
    let prepared = saying(vec![]).prepare(request).await.unwrap();
    assert_eq!((prepared.prompt_tokens(), prepared.max_tokens()), (4, 252));
}

/// The error of a request, with its stable name and the field that it names.
async fn refused(request: TextRequest) -> (GenerateError, &'static str, Option<String>) {
    let error = saying(vec![])
        .prepare(request)
        .await
        .expect_err("must be refused");
    let (kind, param) = (error.kind(), error.param().map(str::to_owned));
    assert!(error.is_request_fault() && !error.may_retry(), "{error}");
    (error, kind, param)
}

#[tokio::test]
async fn a_prompt_that_leaves_no_room_is_refused() {
    for max_tokens in [None, Some(1)] {
        let request = TextRequest {
            max_tokens,
            ..asking(&"x".repeat(255))
        };
        let (error, kind, param) = refused(request).await;
        assert_eq!((kind, param.as_deref()), ("context_length", Some("prompt")));
        let expected = match max_tokens {
            None => InvalidRequest::NoRoom {
                max_model_len: 256,
                prompt_tokens: 256,
            },
            Some(max_tokens) => InvalidRequest::ContextLength {
                max_model_len: 256,
                prompt_tokens: 256,
                max_tokens: max_tokens as usize,
            },
        };
        assert!(matches!(error, GenerateError::Invalid { error, .. } if error == expected));
    }
    let long = vec![json!({"role": "user", "content": "x".repeat(300)})];
    let request = TextRequest {
        prompt: Prompt::chat(long),
        ..asking("")
    };
    assert_eq!(refused(request).await.2.as_deref(), Some("messages"));
}

#[tokio::test]
async fn a_prompt_far_too_long_is_refused_by_its_bytes() {
    // The longest token, `<|im_start|>`, has 12 bytes, and the context has 256 tokens.
    let most = 256 * 12;
    let (error, kind, param) = refused(asking(&"x".repeat(most + 1))).await;
    assert_eq!((kind, param.as_deref()), ("context_length", Some("prompt")));
    let expected = "this model's maximum context length is 256 tokens, which stand for 3072 bytes of \
                    text at most, but the prompt has 3073 bytes";
    assert_eq!(error.to_string(), expected);
    let chat = Prompt::chat(vec![json!({"role": "user", "content": "x".repeat(most)})]);
    let request = TextRequest {
        prompt: chat.clone(),
        ..asking("")
    };
    let (error, _, param) = refused(request).await;
    assert_eq!(param.as_deref(), Some("messages"));
    assert!(
        matches!(error, GenerateError::PromptTooLong { .. }),
        "{error}"
    );
    // What could fit is tokenized, and /tokenize has no such limit.
    let (error, ..) = refused(asking(&"x".repeat(most))).await;
    assert!(matches!(error, GenerateError::Invalid { .. }), "{error}");
    let ids = saying(vec![]).tokenize(chat).await.unwrap();
    assert!(ids.len() > most);
}

#[tokio::test]
async fn bad_requests_name_their_field() {
    let chat_with = |kwargs: serde_json::Value| {
        let mut chat = ChatPrompt::new(vec![json!({"role": "user", "content": "Hi"})]);
        chat.template_kwargs = kwargs.as_object().cloned();
        chat
    };
    let asking_chat = |chat: ChatPrompt| TextRequest {
        prompt: Prompt::Chat(Box::new(chat)),
        ..asking("")
    };
    let with = |change: fn(&mut TextRequest)| {
        let mut request = asking("ab");
        change(&mut request);
        request
    };
    for (request, kind, param) in [
        (with(|r| r.n = 0), "invalid", "n"),
        (with(|r| r.n = MAX_CHOICES + 1), "invalid", "n"),
        (with(|r| r.stop = vec![String::new()]), "invalid", "stop"),
        (
            with(|r| r.stop = vec!["x".to_owned(); 100]),
            "invalid",
            "stop",
        ),
        (
            with(|r| r.params.temperature = f32::NAN),
            "invalid",
            "temperature",
        ),
        (with(|r| r.params.min_tokens = 101), "invalid", "min_tokens"),
        (
            with(|r| r.prompt = Prompt::Tokens(vec![])),
            "invalid",
            "prompt",
        ),
        (
            with(|r| r.prompt = Prompt::Tokens(vec![VOCAB])),
            "invalid",
            "prompt",
        ),
        (
            with(|r| r.prompt = Prompt::chat(vec![])),
            "template",
            "messages",
        ),
        (
            with(|r| r.prompt = Prompt::chat(vec![json!(7)])),
            "template",
            "messages",
        ),
        (
            asking_chat(chat_with(json!({"messages": []}))),
            "template",
            "chat_template_kwargs",
        ),
        (
            asking_chat(ChatPrompt {
                continue_final_message: true,
                ..chat_with(json!({}))
            }),
            "template",
            "continue_final_message",
        ),
    ] {
        let (error, found_kind, found_param) = refused(request).await;
        assert_eq!(
            (found_kind, found_param.as_deref()),
            (kind, Some(param)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn unknown_ids_are_not_detokenized() {
    let error = saying(vec![])
        .detokenize(vec![1, VOCAB], true)
        .await
        .expect_err("refused");
    assert_eq!(error.param(), Some("tokens"));
}

#[tokio::test]
async fn many_prompts_take_turns() {
    let model = saying(bytes("ok"));
    let asks = (0..64).map(|i| {
        let model = model.clone();
        async move { ask_one(&model, asking(&format!("prompt {i}"))).await.text }
    });
    let texts = futures::future::join_all(asks).await;
    assert!(texts.iter().all(|text| text == "ok"), "{texts:?}");
}

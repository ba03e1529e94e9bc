//! async-openai, which knows nothing of this server, reads its answers with strict types.

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessage, ChatCompletionStreamOptions, CreateChatCompletionRequest,
    CreateChatCompletionRequestArgs, FinishReason, Prompt,
};
use async_openai::types::completions::CreateCompletionRequestArgs;
use futures::StreamExt;

use crate::fixture::{MODEL, Server, saying};

fn client(server: &Server) -> Client<OpenAIConfig> {
    let config = OpenAIConfig::new().with_api_base(format!("{}/v1", server.url)).with_api_key("none");
    Client::with_config(config)
}

fn request() -> CreateChatCompletionRequest {
    CreateChatCompletionRequestArgs::default()
        .model(MODEL)
        .messages([ChatCompletionRequestUserMessage::from("Hi").into()])
        .temperature(0.0)
        .logprobs(true)
        .top_logprobs(1_u8)
        .stream_options(ChatCompletionStreamOptions {
            include_usage: Some(true),
            include_obfuscation: None,
        })
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_chat_is_streamed_and_read_whole() {
    let server = Server::start(saying("Hello")).await;
    let client = client(&server);
    let streamed = CreateChatCompletionRequest {
        stream: Some(true),
        ..request()
    };
    let mut stream = client.chat().create_stream(streamed).await.unwrap();
    let (mut text, mut reason, mut usage) = (String::new(), None, None);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.unwrap();
        assert_eq!(chunk.model, MODEL);
        usage = chunk.usage.or(usage);
        for choice in chunk.choices {
            text.push_str(choice.delta.content.as_deref().unwrap_or_default());
            reason = choice.finish_reason.or(reason);
        }
    }
    assert_eq!((text.as_str(), reason), ("Hello", Some(FinishReason::Stop)));
    assert_eq!(usage.unwrap().completion_tokens, 6);

    let whole = CreateChatCompletionRequest {
        stream_options: None,
        ..request()
    };
    let whole = client.chat().create(whole).await.unwrap();
    let choice = &whole.choices[0];
    assert_eq!(choice.message.content.as_deref(), Some("Hello"));
    let scored = choice.logprobs.as_ref().unwrap().content.as_ref().unwrap();
    assert_eq!(scored.len(), 5);
    assert_eq!(scored[0].top_logprobs.len(), 1);
}

#[tokio::test]
async fn a_text_is_continued_and_scored() {
    let server = Server::start(saying("34")).await;
    let client = client(&server);
    let mut ask = CreateCompletionRequestArgs::default();
    let ask = ask.model(MODEL).prompt(Prompt::String("12".to_owned())).temperature(0.0).logprobs(1_u8);
    let whole = client.completions().create(ask.build().unwrap()).await.unwrap();
    assert_eq!(whole.choices[0].text, "34");
    assert_eq!(whole.choices[0].logprobs.as_ref().unwrap().tokens, ["3", "4"]);
    let stream = client.completions().create_stream(ask.stream(true).build().unwrap()).await;
    let pieces: Vec<_> = stream.unwrap().map(|c| c.unwrap().choices[0].text.clone()).collect().await;
    assert_eq!(pieces.concat(), "34");
}

#[tokio::test]
async fn models_are_listed_and_errors_have_their_fields() {
    let server = Server::start(saying("")).await;
    let client = client(&server);
    let models = client.models().list().await.unwrap();
    assert_eq!(models.data[0].id, MODEL);
    let unknown = CreateChatCompletionRequest {
        model: "nope".to_owned(),
        stream_options: None,
        ..request()
    };
    let OpenAIError::ApiError(error) = client.chat().create(unknown).await.unwrap_err() else {
        panic!("an error of another kind");
    };
    let text = format!("{error:?}");
    assert!(text.contains("model_not_found") && text.contains("`nope` does not exist"), "{text}");
}

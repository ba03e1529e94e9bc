//! Prompts of a small application, counted in words.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{PromptForm, PromptOptions, PromptStage, TokenBudget, TokenCounter};
use crate::payload::{Kind, Payload};
use crate::stage::generate::Prompt;
use crate::stage::{Call, Stage, StageError};
use crate::template::PromptTemplate;

/// Counts words, and how often it was asked.
#[derive(Default)]
struct Words(AtomicUsize);

impl TokenCounter for Words {
    fn max_bytes(&self, tokens: usize) -> usize {
        tokens * 10
    }

    fn count(&self, prompt: Prompt) -> BoxFuture<'_, Result<usize, StageError>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let words = match prompt {
            Prompt::Text { text, .. } => text.split_whitespace().count(),
            Prompt::Chat(chat) => words(&chat.messages),
            Prompt::Tokens(ids) => ids.len(),
        };
        async move { Ok(words) }.boxed()
    }
}

/// Words of a conversation; each message has a mark.
fn words(messages: &[Value]) -> usize {
    let of_one = |m: &Value| 1 + m["content"].as_str().unwrap().split_whitespace().count();
    messages.iter().map(of_one).sum()
}

fn template(source: &str) -> PromptTemplate {
    PromptTemplate::new("test.j2", source).unwrap()
}

fn conversation(
    system: Option<&str>,
    user: Option<&str>,
    max_tokens: Option<usize>,
) -> PromptOptions {
    PromptOptions {
        form: PromptForm::Messages {
            system: system.map(template),
            user: user.map(template),
            history: Some("messages".to_owned()),
        },
        output: "messages".to_owned(),
        passages: "passages".to_owned(),
        budget: max_tokens.map(|max_tokens| TokenBudget {
            max_tokens,
            tokenizer: None,
        }),
    }
}

fn said(role: &str, content: &str) -> Value {
    json!({"role": role, "content": content})
}

fn passage(text: &str, score: f32) -> Value {
    json!({"id": text, "text": text, "source": "a.md", "score": score})
}

fn payload(variables: Value) -> Payload {
    let Value::Object(variables) = variables else {
        panic!("{variables} is no object")
    };
    Payload::of(variables)
}

async fn run(options: PromptOptions, variables: Value) -> Result<Map<String, Value>, StageError> {
    let stage = PromptStage::new(options, Some(Arc::new(Words::default()))).unwrap();
    let payload = stage.call(payload(variables), &Call::new("test")).await?;
    Ok(payload.into_variables())
}

#[tokio::test]
async fn the_conversation_goes_on_with_the_applications_words() {
    let options = conversation(
        Some("Be brief."),
        Some("Docs: {{ passages[0].text }}\nQ: {{ question }}"),
        None,
    );
    let variables = json!({
        "question": "And now?",
        "passages": [passage("wool", 1.0)],
        "messages": [
            said("system", "the client's"), said("user", "Hi"), said("assistant", "Hello"), said("user", "And now?"),
        ],
    });
    let after = run(options, variables).await.unwrap();
    let expected = json!([
        said("system", "Be brief."),
        said("user", "Hi"),
        said("assistant", "Hello"),
        said("user", "Docs: wool\nQ: And now?"),
    ]);
    assert_eq!(after["messages"], expected);
}

#[tokio::test]
async fn running_again_in_a_loop_changes_nothing_but_what_the_template_reads() {
    let source = "{{ question }}{% if verdict %} ({{ verdict.reason }}){% endif %}";
    let options = conversation(Some("Be brief."), Some(source), None);
    let first = json!({"question": "Why?", "verdict": null, "messages": [said("user", "Why?")]});
    let mut after = run(options.clone(), first).await.unwrap();
    after.insert("verdict".to_owned(), json!({"reason": "too long"}));
    let after = run(options, Value::Object(after)).await.unwrap();
    let expected = json!([said("system", "Be brief."), said("user", "Why? (too long)")]);
    assert_eq!(after["messages"], expected);
}

#[tokio::test]
async fn a_system_message_alone_leaves_the_question_as_it_is() {
    let variables = json!({"messages": [said("user", "Hi")]});
    let after = run(conversation(Some("Be brief."), None, None), variables)
        .await
        .unwrap();
    assert_eq!(
        after["messages"],
        json!([said("system", "Be brief."), said("user", "Hi")])
    );
}

#[tokio::test]
async fn without_history_a_conversation_begins_anew() {
    let mut options = conversation(None, Some("{{ question }}!"), None);
    let PromptForm::Messages { history, .. } = &mut options.form else {
        panic!()
    };
    *history = None;
    let reads: Vec<_> = options.signature().reads.into_keys().collect();
    assert_eq!(reads, ["question"]);
    let after = run(options, json!({"question": "Hi"})).await.unwrap();
    assert_eq!(after["messages"], json!([said("user", "Hi!")]));
}

#[tokio::test]
async fn a_text_is_written_into_prompt() {
    let options = PromptOptions {
        form: PromptForm::Text(template("Q: {{ question }}\nA:")),
        output: "prompt".to_owned(),
        passages: "passages".to_owned(),
        budget: None,
    };
    assert_eq!(options.signature().writes["prompt"], Kind::Text);
    let after = run(options, json!({"question": "Hi"})).await.unwrap();
    assert_eq!(after["prompt"], "Q: Hi\nA:");
}

/// Eleven words and marks without anything that can go: a system message (1 + 2), the question (1 + 2).
fn long() -> Value {
    json!({
        "question": "Say more",
        "passages": [passage("one one one", 0.5), passage("two two two", 0.1), passage("three three three", 0.9)],
        "messages": [
            said("user", "first question"), said("assistant", "first answer"),
            said("user", "second question"), said("assistant", "second answer"),
            said("user", "Say more"),
        ],
    })
}

const ASKED: &str = "{% for p in passages %}{{ p.text }} {% endfor %}{{ question }}";

#[tokio::test]
async fn oldest_turns_go_first_then_the_passages_that_fit_least() {
    // With everything: 3 + 6 + 6 + (1 + 9 + 2) = 27.
    for (max_tokens, turns, kept) in [
        (
            27,
            2,
            &["one one one", "two two two", "three three three"][..],
        ),
        (26, 1, &["one one one", "two two two", "three three three"]),
        (21, 1, &["one one one", "two two two", "three three three"]),
        (20, 0, &["one one one", "two two two", "three three three"]),
        (14, 0, &["one one one", "three three three"]),
        (11, 0, &["three three three"]),
        (6, 0, &[]),
    ] {
        let options = conversation(Some("Be brief"), Some(ASKED), Some(max_tokens));
        let after = run(options, long()).await.unwrap();
        let messages = after["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 2 + 2 * turns, "{max_tokens}");
        assert!(words(messages) <= max_tokens);
        let passages = after["passages"].as_array().unwrap();
        let texts: Vec<_> = passages
            .iter()
            .map(|p| p["text"].as_str().unwrap())
            .collect();
        assert_eq!(texts, kept, "{max_tokens}");
        let question = messages.last().unwrap()["content"].as_str().unwrap();
        assert!(question.ends_with("Say more"), "{question}");
    }
}

#[tokio::test]
async fn a_question_that_does_not_fit_is_the_clients_fault() {
    let options = conversation(Some("Be brief"), Some(ASKED), Some(5));
    let error = run(options, long()).await.unwrap_err();
    assert!(
        matches!(&error, StageError::Invalid { param: Some(param), .. } if param == "messages")
    );
    assert!(
        error
            .to_string()
            .starts_with("the prompt may have 5 tokens, but has 6 tokens even"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_hopeless_is_not_counted() {
    let mut messages = vec![
        said("user", &"x ".repeat(1 << 20)),
        said("assistant", "yes"),
    ];
    messages.extend(std::iter::repeat_n(said("user", ""), 10_000));
    messages.push(said("user", "Say more"));
    let counter = Arc::new(Words::default());
    let options = conversation(None, Some("{{ question }}"), Some(8));
    let stage =
        PromptStage::new(options, Some(Arc::clone(&counter) as Arc<dyn TokenCounter>)).unwrap();
    let payload = payload(json!({"question": "Say more", "messages": messages}));
    let after = stage.call(payload, &Call::new("test")).await.unwrap();
    assert_eq!(words(after.get("messages").unwrap().as_array().unwrap()), 8);
    assert!(counter.0.load(Ordering::Relaxed) <= 8);
}

#[test]
fn a_budget_needs_somebody_who_counts() {
    assert!(PromptStage::new(conversation(None, None, Some(8)), None).is_err());
    assert!(PromptStage::new(conversation(None, None, None), None).is_ok());
}

#[tokio::test]
async fn a_template_that_fails_is_a_defect_and_says_where() {
    let options = conversation(None, Some("{{ question.text }}"), None);
    let error = run(options, json!({"question": "a", "messages": []}))
        .await
        .unwrap_err();
    assert!(matches!(error, StageError::Failed(_)));
    assert!(
        error
            .to_string()
            .starts_with("the template `test.j2`, line 1, cannot be rendered")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// The prompt fits, one turn or passage more does not, and the newest turns are the ones kept.
    #[test]
    fn as_much_as_fits_is_kept(
        turns in prop::collection::vec((1_usize..6, 1_usize..6), 0..8),
        scores in prop::collection::vec(0_u8..50, 0..6),
        max_tokens in 4_usize..60,
    ) {
        let mut messages: Vec<Value> = Vec::new();
        for (asked, answered) in &turns {
            messages.push(said("user", &"q ".repeat(*asked)));
            messages.push(said("assistant", &"a ".repeat(*answered)));
        }
        messages.push(said("user", "Say more"));
        let passages: Vec<_> = scores.iter().map(|&score| passage("p p", f32::from(score))).collect();
        let options = conversation(None, Some(ASKED), Some(max_tokens));
        let variables = json!({"question": "Say more", "passages": passages, "messages": messages});
        let after = run(options, variables).now_or_never().expect("nothing waits").unwrap();
        let written = after["messages"].as_array().unwrap();
        prop_assert!(words(written) <= max_tokens);
        // Earlier turns are the end of what there was.
        let past = &written[..written.len() - 1];
        let all = &messages[..messages.len() - 1];
        prop_assert!(all.ends_with(past));
        let kept = after["passages"].as_array().unwrap().len();
        if past.len() < all.len() {
            let (asked, answered) = turns[turns.len() - past.len() / 2 - 1];
            let one_more = words(written) + asked + answered + 2;
            prop_assert!(one_more > max_tokens || kept < passages.len());
        }
        if kept < passages.len() {
            prop_assert!(past.is_empty(), "passages go last");
            prop_assert!(words(written) + 2 > max_tokens);
            let worst_kept = after["passages"].as_array().unwrap().iter().map(|p| p["score"].as_f64().unwrap());
            let least = worst_kept.fold(f64::MAX, f64::min);
            let better = passages.iter().filter(|p| p["score"].as_f64().unwrap() > least).count();
            prop_assert!(better <= kept);
        }
    }
}

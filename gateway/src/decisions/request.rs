//! The body of `POST /v1/decisions`.

use engine::SamplingParams;
use llm_apps::stage::generate::{Prompt, TextRequest};
use serde_json::json;

use super::input::{invalid, text, transcript};
use super::question::Question;
use super::table::DECISIONS;
use crate::error::ApiError;
use crate::openai::{Rules, judged, required};

/// Questions about a text.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionRequest {
    /// The name of a model that writes text.
    pub model: String,
    /// What they are about.
    input: String,
    pub(super) questions: Vec<Question>,
    /// Fields that no table knows.
    pub unknown_fields: usize,
}

/// Reads the body of `POST /v1/decisions`.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub fn decision_request(body: &[u8], rules: Rules) -> Result<DecisionRequest, ApiError> {
    let (request, unknown_fields) = judged(body, DECISIONS, rules)?;
    let field = |name: &str| {
        let value = request.get(name).filter(|value| !value.is_null());
        required(value, name)
    };
    let model = field("model")?.as_str();
    let model = model.ok_or_else(|| invalid("model", "must be a string"))?;
    let given = field("input")?;
    let input = match given.as_array() {
        Some(items) => transcript(items)?,
        None => text(given, "input")?,
    };
    let questions = field("questions")?.as_array();
    let questions = questions.ok_or_else(|| invalid("questions", "must be a list"))?;
    let most = usize::try_from(rules.max_choices).unwrap_or(usize::MAX);
    if !(1..=most).contains(&questions.len()) {
        let count = questions.len();
        let must = format!("must have 1 to {most} entries, but has {count}");
        return Err(invalid("questions", &must));
    }
    let read = |(index, question)| Question::read(question, &format!("questions[{index}]"));
    let questions: Result<_, _> = questions.iter().enumerate().map(read).collect();
    Ok(DecisionRequest {
        model: model.to_owned(),
        input,
        questions: questions?,
        unknown_fields,
    })
}

impl DecisionRequest {
    /// A request for each question: one token, and how likely each label is as that.
    pub(crate) fn texts(&self, now: u64) -> Vec<TextRequest> {
        let asked = self.questions.iter().map(|question| {
            let content = question.prompt(&self.input);
            let message = json!({"role": "user", "content": content});
            let mut prompt = Prompt::chat(vec![message]);
            if let Prompt::Chat(chat) = &mut prompt {
                chat.now = i64::try_from(now).unwrap_or(i64::MAX);
                // A label is the first token of the answer, not of a thought.
                let kwargs = json!({"enable_thinking": false});
                chat.template_kwargs = kwargs.as_object().cloned();
            }
            let params = SamplingParams {
                temperature: 0.0,
                logprobs: Some(0),
                ignore_eos: true,
                ..SamplingParams::default()
            };
            TextRequest {
                max_tokens: Some(1),
                skip_special_tokens: false,
                labels: question.labels(),
                ..TextRequest::new(prompt, params)
            }
        });
        asked.collect()
    }
}

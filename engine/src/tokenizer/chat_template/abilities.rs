//! What a model's templates can do, found out by asking them.

use serde_json::{Value, json};

use super::request::ChatRequest;
use super::template::ChatTemplate;

const NEEDLE: &str = "needle_in_a_haystack";

impl ChatTemplate {
    /// Whether a conversation's tools come to stand in the prompt.
    pub fn takes_tools(&self) -> bool {
        let messages = [json!({"role": "user", "content": "Hi"})];
        let tools = [json!({"type": "function", "function": {
            "name": NEEDLE, "description": "Finds it.",
            "parameters": {"type": "object", "properties": {}},
        }})];
        self.shows(&ChatRequest {
            tools: Some(&tools),
            ..ChatRequest::new(&messages)
        })
    }

    /// Whether a system's words come to stand in the prompt.
    pub fn takes_system(&self) -> bool {
        let messages = [
            json!({"role": "system", "content": NEEDLE}),
            json!({"role": "user", "content": "Hi"}),
        ];
        self.shows(&ChatRequest::new(&messages))
    }

    /// Whether `text` stands in one of the templates, such as a tag that they write.
    pub fn mentions(&self, text: &str) -> bool {
        let mut templates = self.environment.templates();
        templates.any(|(_, template)| template.source().contains(text))
    }

    /// The prompt for one short question, as far as it is written behind the question: what an answer
    /// begins with. `kwargs` are further variables.
    pub fn opening(&self, kwargs: &Value) -> Option<String> {
        let messages = [json!({"role": "user", "content": NEEDLE})];
        let request = ChatRequest {
            kwargs: kwargs.as_object(),
            ..ChatRequest::new(&messages)
        };
        let rendered = self.render(&request).ok()?;
        let (_, opening) = rendered.rsplit_once(NEEDLE)?;
        Some(opening.to_owned())
    }

    fn shows(&self, request: &ChatRequest<'_>) -> bool {
        self.render(request)
            .is_ok_and(|prompt| prompt.contains(NEEDLE))
    }
}

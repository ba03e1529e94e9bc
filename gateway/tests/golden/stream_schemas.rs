//! Every frame of a stream against OpenAI's published schema (`make_openai_stream_schemas.py`).
//!
//! Fields that OpenAI's document does not know are faults, but for `penstock`, which `docs/openai.md` names. Where
//! OpenAI's own streams are not what its document says, the schema is widened here, and nowhere else.

use jsonschema::Validator;
use serde_json::{Value, json};

const SCHEMAS: &str = include_str!("openai_stream_schemas.json");

/// Proves frames by their kinds.
pub(crate) struct StreamSchemas(Value);

impl StreamSchemas {
    pub(crate) fn new() -> Self {
        let mut all: Value = serde_json::from_str(SCHEMAS).unwrap();
        let null = |schema: &Value| json!({"anyOf": [schema, {"type": "null"}]});
        // The document describes whole completions only: chunks have no reason before the last, and no usage but in
        // the chunk after it.
        let completion = &mut all["$defs"]["CreateCompletionResponse"]["properties"];
        completion["usage"] = null(&completion["usage"]);
        let choice = &mut completion["choices"]["items"]["properties"];
        choice["finish_reason"] = null(&choice["finish_reason"]);
        let chat = &mut all["$defs"]["CreateChatCompletionStreamResponse"]["properties"];
        chat["usage"] = null(&chat["usage"]);
        Self(all)
    }

    /// The kind of a frame, which is as its schema says.
    pub(crate) fn prove(&self, frame: &Value) -> String {
        let kind = frame.get("type").or_else(|| frame.get("object"));
        let kind = kind.and_then(Value::as_str).unwrap().to_owned();
        let mut schema = self.0["kinds"][&kind].clone();
        assert!(schema.is_object(), "no schema of {kind}: {frame}");
        schema["$defs"] = self.0["$defs"].clone();
        let validator: Validator = jsonschema::validator_for(&schema).unwrap();
        let mut frame = frame.clone();
        frame.as_object_mut().unwrap().remove("penstock");
        let faults: Vec<_> = validator
            .iter_errors(&frame)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{faults:?} in {frame}");
        kind
    }

    /// The kinds of all frames of a stream's text, in order. `[DONE]` is none.
    pub(crate) fn prove_all(&self, text: &str) -> Vec<String> {
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let frames = data.filter(|data| *data != "[DONE]");
        frames
            .map(|data| self.prove(&serde_json::from_str(data).unwrap()))
            .collect()
    }
}

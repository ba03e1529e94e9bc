//! Questions as they are asked and answered.

use llm_apps::stage::generate::Prompt;
use serde_json::{Value, json};

use super::answer::Answer;
use super::question::Question;
use super::request::{DecisionRequest, decision_request};
use crate::error::ApiError;
use crate::openai::Rules;

const RULES: Rules = Rules {
    strict: false,
    max_choices: 3,
};

fn read(body: &Value) -> Result<DecisionRequest, ApiError> {
    decision_request(body.to_string().as_bytes(), RULES)
}

fn choice(values: &Value) -> Value {
    json!({"type": "choice", "instructions": "Which?", "choices": values})
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let ask = |input: Value, question: Value| json!({"model": "m", "input": input, "questions": [question]});
    let predicate = || json!({"type": "predicate", "instructions": "It rains."});
    let one = json!({"value": "a"});
    let cases = [
        (json!({"model": "m", "input": "x"}), "questions"),
        (json!({"model": "m", "questions": [predicate()]}), "input"),
        (json!({"input": "x", "questions": [predicate()]}), "model"),
        (
            json!({"model": "m", "input": "x", "questions": []}),
            "questions",
        ),
        (
            json!({"model": "m", "input": "x", "questions": vec![predicate(); 4]}),
            "questions",
        ),
        (ask(json!(7), predicate()), "input"),
        (
            ask(json!([{"role": "tool", "content": "x"}]), predicate()),
            "input[0].role",
        ),
        (
            ask(
                json!([{"role": "user", "content": [{"type": "input_image"}]}]),
                predicate(),
            ),
            "input[0].content[0].type",
        ),
        (
            ask(json!("x"), json!({"type": "predicate"})),
            "questions[0].instructions",
        ),
        (
            ask(json!("x"), json!({"type": "guess", "instructions": "?"})),
            "questions[0].type",
        ),
        (
            ask(json!("x"), choice(&json!([one]))),
            "questions[0].choices",
        ),
        (
            ask(json!("x"), choice(&json!([one, one]))),
            "questions[0].choices[1].value",
        ),
        (
            ask(json!("x"), choice(&json!([one, {"value": 1}]))),
            "questions[0].choices[1].value",
        ),
        (
            ask(
                json!("x"),
                json!({"type": "score", "instructions": "?", "levels": [{"label": "a"}, {}]}),
            ),
            "questions[0].levels[1].label",
        ),
    ];
    for (body, place) in cases {
        match read(&body) {
            Err(ApiError::Invalid { message, param, .. }) => {
                assert_eq!(param.as_deref(), Some(place), "{body}");
                assert!(message.contains(place), "{message}");
            }
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn messages_become_one_text_and_each_question_a_chat_of_its_own() {
    let body = json!({
        "model": "m",
        "input": [
            {"role": "user", "content": "Is it open?"},
            {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "closed"},
            {"role": "user", "content": [{"type": "input_json", "data": {"day": 1}}]},
        ],
        "questions": [
            {"type": "predicate", "instructions": "It is open."},
            choice(&json!([{"value": true}, {"value": "true", "description": "as a text"}])),
        ],
    });
    let request = read(&body).unwrap();
    let texts = request.texts(0);
    assert_eq!(texts.len(), 2);
    assert_eq!(texts[0].labels, ["Yes", "No"]);
    assert_eq!(texts[1].labels, ["A", "B"]);
    let prompt = request.questions[1].prompt("TEXT");
    assert!(
        prompt.starts_with("TEXT\n\nWhich?\n\nA) true\nB) true: as a text\n"),
        "{prompt}"
    );
    let Prompt::Chat(chat) = &texts[0].prompt else {
        panic!("it is a chat");
    };
    let asked = chat.messages[0]["content"].as_str().unwrap();
    let told = "user: Is it open?\n\nassistant: look({})\n\ntool: closed\n\nuser: {\"day\":1}\n\n";
    assert!(asked.starts_with(told), "{asked}");
}

#[test]
fn probabilities_of_labels_are_scaled_to_one_and_confidence_is_not() {
    let question = |value: Value| Question::read(&value, "questions[0]").unwrap();
    let (half, quarter) = (0.5_f32.ln(), 0.25_f32.ln());
    let told = |question: &Question, labels: &[f32]| {
        serde_json::to_value(Answer::new(question, labels).unwrap()).unwrap()
    };
    let predicate = question(json!({"type": "predicate", "instructions": "?", "name": "p"}));
    let answer = told(&predicate, &[quarter, half]);
    assert_eq!(
        (&answer["type"], &answer["name"]),
        (&json!("predicate"), &json!("p"))
    );
    assert!((answer["probability"].as_f64().unwrap() - 1.0 / 3.0).abs() < 1e-6);
    let choice = question(choice(&json!([{"value": "a"}, {"value": false}])));
    let answer = told(&choice, &[quarter, half]);
    assert_eq!(
        (&answer["choice"], &answer["name"]),
        (&json!(false), &Value::Null)
    );
    assert!((answer["confidence"].as_f64().unwrap() - 0.5).abs() < 1e-6);
    let levels = json!([{"label": "bad"}, {"label": "fair"}, {"label": "good"}]);
    let score = question(json!({"type": "score", "instructions": "?", "levels": levels}));
    let answer = told(&score, &[quarter, quarter, half]);
    assert!((answer["score"].as_f64().unwrap() - 1.25).abs() < 1e-6);
    assert_eq!(answer["probabilities"][2]["label"], "good");
    // Nothing is likelier than anything where nothing has a chance.
    let impossible = told(&predicate, &[f32::NEG_INFINITY; 2]);
    assert_eq!(impossible["probability"], 0.5);
}

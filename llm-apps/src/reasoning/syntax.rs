//! [`ReasoningSyntax`]: how a model's thoughts stand in its answers.

use engine::constraint::{Grammar, GrammarError, Part};
use engine::tokenizer::ChatTemplate;
use serde_json::{Map, Value, json};

pub(super) const OPEN: &str = "<think>";
pub(super) const CLOSE: &str = "</think>";

/// Variables by which templates turn thinking on and off.
const SWITCHES: [&str; 2] = ["enable_thinking", "thinking"];

/// What the configuration can say of a model's thoughts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasoningFormat {
    /// They stand between `<think>` and `</think>`.
    Think,
    /// There are none: all of an answer is content.
    None,
}

/// Where an answer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Within a thought: the prompt ends with the opening tag.
    Within,
    /// The model may open a thought by itself.
    Before,
    /// There is no thought, or it is over.
    Behind,
}

/// How a model's thoughts stand in its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReasoningSyntax {
    /// Where answers begin if a request says nothing of thinking, if it turns it on, and if it turns it off.
    silent: Opening,
    on: Opening,
    off: Opening,
}

impl ReasoningFormat {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Think, Self::None];

    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Think => "think",
            Self::None => "none",
        }
    }
}

impl ReasoningSyntax {
    /// That of a model, of which the configuration may say more.
    pub fn of(template: Option<&ChatTemplate>, given: Option<ReasoningFormat>) -> Self {
        let told = template.filter(|template| template.mentions(CLOSE));
        let thinks = match given {
            Some(format) => format == ReasoningFormat::Think,
            None => told.is_some(),
        };
        if !thinks {
            return Self {
                silent: Opening::Behind,
                on: Opening::Behind,
                off: Opening::Behind,
            };
        }
        let opening = |kwargs: Value| {
            let prompt = template.and_then(|template| template.opening(&kwargs));
            Opening::of(&prompt.unwrap_or_default())
        };
        let switched = |on: bool| opening(SWITCHES.iter().map(|name| (*name, json!(on))).collect());
        Self {
            silent: opening(json!({})),
            on: switched(true),
            off: switched(false),
        }
    }

    /// Where the answer to a request begins whose template has these variables.
    pub fn opening(&self, kwargs: &Map<String, Value>) -> Opening {
        let switch = SWITCHES
            .iter()
            .find_map(|name| kwargs.get(*name)?.as_bool());
        match switch {
            None => self.silent,
            Some(true) => self.on,
            Some(false) => self.off,
        }
    }
}

impl Opening {
    /// What the end of a prompt says.
    fn of(prompt: &str) -> Self {
        let prompt = prompt.trim_end();
        if prompt.ends_with(OPEN) {
            Self::Within
        } else if prompt.ends_with(CLOSE) {
            Self::Behind
        } else {
            Self::Before
        }
    }

    /// The form of answers that think, whose content has this form.
    ///
    /// # Errors
    /// [`GrammarError::TooLarge`].
    pub fn then(self, form: Grammar) -> Result<Grammar, GrammarError> {
        let behind = |form: Grammar| {
            Part::Sequence(vec![
                Part::Until(CLOSE.to_owned()),
                Part::Space,
                Part::Form(form),
            ])
        };
        match self {
            Self::Behind => Ok(form),
            Self::Within => behind(form).into_grammar(),
            Self::Before => {
                let thought = vec![Part::Text(OPEN.to_owned()), behind(form.clone())];
                Part::OneOf(vec![Part::Form(form), Part::Sequence(thought)]).into_grammar()
            }
        }
    }
}

//! What a prompt is written from, and where it goes.

use crate::payload::{Kind, Signature, names};
use crate::template::PromptTemplate;

/// How a prompt is written.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptOptions {
    /// What comes of it.
    pub form: PromptForm,
    /// The variable that is written. Default: `messages`, or `prompt` for a text.
    pub output: String,
    /// The variable that holds passages, from which a budget may take. Default: `passages`.
    pub passages: String,
    /// How long it may be. Default: as long as it comes.
    pub budget: Option<TokenBudget>,
}

/// What comes of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum PromptForm {
    /// A conversation. At least one of the templates is there.
    Messages {
        /// Of the system message. It takes the place of those that the client sent; without it they
        /// stay.
        system: Option<PromptTemplate>,
        /// Of the turn to be answered: it takes the place of the user's last message. Without it that
        /// stays as it is.
        user: Option<PromptTemplate>,
        /// The variable that holds the conversation so far; `None` begins a new one.
        history: Option<String>,
    },
    /// A text, for models that were not tuned for conversations.
    Text(PromptTemplate),
}

/// How long a prompt may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBudget {
    /// Tokens at most, the marks of the chat template among them.
    pub max_tokens: usize,
    /// The model that counts them; `None` is the one that the application generates with.
    pub tokenizer: Option<String>,
}

impl PromptOptions {
    /// The templates.
    pub fn templates(&self) -> impl Iterator<Item = &PromptTemplate> {
        let (one, other) = match &self.form {
            PromptForm::Messages { system, user, .. } => (system.as_ref(), user.as_ref()),
            PromptForm::Text(template) => (Some(template), None),
        };
        one.into_iter().chain(other)
    }

    /// Whether a template reads the passages.
    pub fn shows_passages(&self) -> bool {
        self.templates()
            .any(|template| template.names().contains(&self.passages))
    }

    /// Whether the budget may take passages away.
    pub(super) fn drops_passages(&self) -> bool {
        self.budget.is_some() && self.shows_passages()
    }

    /// The variables that it reads and writes. What a budget takes away of the passages is no longer
    /// among them, so that what is shown as an answer's sources was read for it.
    pub fn signature(&self) -> Signature {
        let mut signature = Signature::default();
        for name in self.templates().flat_map(|template| template.names()) {
            signature = signature.reads(name, known_kind(name));
        }
        let kind = match &self.form {
            PromptForm::Messages { history, .. } => {
                if let Some(history) = history {
                    signature = signature.reads(history, Kind::Messages);
                }
                Kind::Messages
            }
            PromptForm::Text(_) => Kind::Text,
        };
        if self.drops_passages() {
            signature = signature
                .reads(&self.passages, Kind::Passages)
                .writes(&self.passages, Kind::Passages);
        }
        signature.writes(&self.output, kind)
    }
}

/// What the variables that every application has hold. All others are the template's to understand: in
/// the first round of a loop they may be nothing yet.
fn known_kind(name: &str) -> Kind {
    match name {
        names::QUESTION => Kind::Text,
        names::MESSAGES => Kind::Messages,
        _ => Kind::Any,
    }
}

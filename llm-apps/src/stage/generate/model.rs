//! [`TextModel`]: an engine, its tokenizer and its chat template, as one thing that speaks text.

use std::num::NonZeroUsize;
use std::sync::Arc;

use engine::ModelLimits;
use engine::constraint::GrammarCompiler;
use engine::tokenizer::{ChatTemplate, Tokenizer};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::backend::Backend;
use super::compiling::Compiling;
use super::error::GenerateError;
use super::prepare::{self, PreparedRequest};
use super::prompt;
use super::request::{Prompt, TextRequest};
use super::stream::TextStream;
use crate::reasoning::{ReasoningFormat, ReasoningSyntax};
use crate::tool_calls::{ToolFormat, ToolSyntax};

/// A model that speaks text. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct TextModel {
    shared: Arc<Shared>,
    engine: Backend,
    tool_syntax: ToolSyntax,
    reasoning: ReasoningSyntax,
}

/// What a [`TextModel`] is made of.
#[derive(Debug)]
pub struct TextModelParts {
    /// The running engine, or replicas that have one. Their end-of-sequence tokens are `info.eos`.
    pub engine: Backend,
    /// The model's tokenizer.
    pub tokenizer: Tokenizer,
    /// The model's chat template; without one, conversations are refused.
    pub chat_template: Option<ChatTemplate>,
    /// What is said about the model.
    pub info: ModelInfo,
    /// Prompts that are rendered and tokenized at the same time; as many as there are cores is right.
    pub preparing: NonZeroUsize,
}

/// What is said about a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// The name under which it is served.
    pub id: String,
    /// Further names that mean it.
    pub aliases: Vec<String>,
    /// When it was made available, in seconds since the beginning of 1970.
    pub created: u64,
    /// The tokens that end an answer.
    pub eos: Vec<u32>,
}

/// What preparing a prompt needs, on whatever thread.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) tokenizer: Tokenizer,
    pub(super) chat_template: Option<ChatTemplate>,
    pub(super) info: ModelInfo,
    pub(super) limits: ModelLimits,
    /// Whether the chat template knows tools, and a system.
    pub(super) takes_tools: bool,
    pub(super) takes_system: bool,
    preparing: Arc<Semaphore>,
    compiling: Compiling,
}

impl TextModel {
    /// Puts a model together.
    pub fn new(parts: TextModelParts) -> Self {
        let TextModelParts {
            engine,
            tokenizer,
            chat_template,
            info,
            preparing,
        } = parts;
        let preparing = preparing.get().min(Semaphore::MAX_PERMITS);
        let compiler = GrammarCompiler::new(tokenizer.clone(), info.eos.clone());
        let tool_syntax = ToolSyntax::of(chat_template.as_ref(), &tokenizer, None);
        let reasoning = ReasoningSyntax::of(chat_template.as_ref(), None);
        let shared = Shared {
            takes_tools: tool_syntax.template,
            takes_system: chat_template
                .as_ref()
                .is_some_and(ChatTemplate::takes_system),
            limits: engine.limits(),
            tokenizer,
            chat_template,
            info,
            preparing: Arc::new(Semaphore::new(preparing)),
            compiling: Compiling::new(compiler, preparing),
        };
        Self {
            shared: Arc::new(shared),
            engine,
            tool_syntax,
            reasoning,
        }
    }

    /// The same model, whose calls of tools are in the format that the configuration gives, if it gives one.
    #[must_use]
    pub fn with_tool_format(mut self, given: Option<ToolFormat>) -> Self {
        if given.is_some() {
            let template = self.shared.chat_template.as_ref();
            self.tool_syntax = ToolSyntax::of(template, &self.shared.tokenizer, given);
        }
        self
    }

    /// The same model, whose thoughts are as the configuration says, if it says so.
    #[must_use]
    pub fn with_reasoning_format(mut self, given: Option<ReasoningFormat>) -> Self {
        if given.is_some() {
            self.reasoning = ReasoningSyntax::of(self.shared.chat_template.as_ref(), given);
        }
        self
    }

    /// How its thoughts stand in its answers.
    pub fn reasoning(&self) -> ReasoningSyntax {
        self.reasoning
    }

    /// How it writes calls of tools.
    pub fn tool_syntax(&self) -> ToolSyntax {
        self.tool_syntax
    }

    /// Compiles, renders, tokenizes and proves a request. Waits for its turn when many do so at once; nothing
    /// is held while it waits.
    ///
    /// # Errors
    /// [`GenerateError`] says what of the request cannot be, and which field holds it.
    pub async fn prepare(&self, request: TextRequest) -> Result<PreparedRequest, GenerateError> {
        prepare::check(&request)?;
        let grammar = match &request.form {
            Some(form) => Some(self.shared.compiling.compile(form).await?),
            None => None,
        };
        self.work(move |shared| prepare::prepare(shared, request, grammar.as_ref()))
            .await?
    }

    /// Starts the generations of a prepared request, one for each choice. A request that was not
    /// accepted may be tried again, here or on another replica of the same model.
    ///
    /// # Errors
    /// [`GenerateError::Engine`] when the engine refuses one of them; the others are cancelled then.
    pub fn submit(&self, request: &PreparedRequest) -> Result<TextStream, GenerateError> {
        let streams: Result<Vec<_>, _> = request
            .requests()
            .iter()
            .map(|choice| self.engine.submit(choice.clone()))
            .collect();
        Ok(TextStream::new(request, streams?, &self.shared))
    }

    /// The token ids of a prompt.
    ///
    /// # Errors
    /// [`GenerateError::Template`] or [`GenerateError::Tokenizer`].
    pub async fn tokenize(&self, prompt: Prompt) -> Result<Vec<u32>, GenerateError> {
        self.work(move |shared| {
            prompt::tokenize(shared, prompt, None).map(|tokenized| tokenized.ids)
        })
        .await?
    }

    /// The text of token ids.
    ///
    /// # Errors
    /// [`GenerateError::Invalid`] when an id is not in the model's vocabulary.
    pub async fn detokenize(
        &self,
        ids: Vec<u32>,
        skip_special_tokens: bool,
    ) -> Result<String, GenerateError> {
        self.work(move |shared| {
            prompt::known(&ids, &shared.limits)?;
            Ok(shared.tokenizer.decode(&ids, skip_special_tokens))
        })
        .await?
    }

    /// Whether it can be asked by messages: whether it has a chat template.
    pub fn takes_messages(&self) -> bool {
        self.shared.chat_template.is_some()
    }

    /// What is said about the model.
    pub fn info(&self) -> &ModelInfo {
        &self.shared.info
    }

    /// What requests are proved against.
    pub fn limits(&self) -> ModelLimits {
        self.shared.limits
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.shared.tokenizer
    }

    /// The engine, for its figures and its end.
    pub fn engine(&self) -> &Backend {
        &self.engine
    }

    /// Runs `work` where it may block, when there is room. No more of it exists than there is room
    /// for: what waits, waits in its caller, and goes away with it.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> T + Send + 'static,
    ) -> Result<T, GenerateError> {
        let aborted = |reason: String| GenerateError::Aborted { reason };
        let turn = Arc::clone(&self.shared.preparing).acquire_owned().await;
        let turn = turn.map_err(|error| aborted(error.to_string()))?;
        let shared = Arc::clone(&self.shared);
        let task = spawn_blocking(move || {
            let done = work(&shared);
            drop(turn);
            done
        });
        task.await.map_err(|error| aborted(error.to_string()))
    }
}

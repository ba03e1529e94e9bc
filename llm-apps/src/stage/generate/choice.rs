//! One choice: its token events become its text events. No thread, no clock, no channel: what comes
//! out depends on the events that went in and on nothing else.

use std::collections::VecDeque;
use std::sync::Arc;

use engine::tokenizer::{DecodeOptions, Detokenizer, StopMatcher, Tokenizer};
use engine::{
    EngineError, FinishReason as EngineFinish, GenerateRequest, TokenEvent, TokenLogprobs, Usage,
};

use super::event::{
    Alternative, FinishReason, Logprobs, StopMatch, TextEvent, TextToken, TextUsage,
};
use super::held::HeldTokens;
use super::prepare::{PreparedRequest, TextOptions};
use super::prompt::EchoedPrompt;

/// The state of one choice.
#[derive(Debug)]
pub(super) struct Choice {
    request: GenerateRequest,
    options: Arc<TextOptions>,
    /// The model's end-of-sequence tokens.
    eos: Arc<[u32]>,
    tokenizer: Tokenizer,
    detokenizer: Detokenizer,
    stop: StopMatcher,
    /// The prompt, until it is said.
    echo: Option<Arc<EchoedPrompt>>,
    /// Its log-probabilities, when they were asked for, until it is said.
    scores: Option<PromptScores>,
    /// Tokens read, the stop token included.
    read: u32,
    /// Tokens of the prompt that the prefix cache had, as far as is known.
    cached: u32,
    /// A token that ends the answer if nothing comes after it.
    maybe_last: Option<(u32, Option<TokenLogprobs>)>,
    /// Bytes and characters of all text that the tokens wrote.
    written: usize,
    written_chars: usize,
    /// Bytes that were out before stop strings were looked for.
    unmatched: usize,
    held: HeldTokens,
}

/// The log-probabilities of a prompt's tokens; the first has none.
pub(super) type PromptScores = Arc<[Option<TokenLogprobs>]>;

/// Whether a choice goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// More is to come.
    GoesOn,
    /// The terminal event is out; what the engine may still say is of no interest.
    Ended,
}

impl Choice {
    pub(super) fn new(
        prepared: &PreparedRequest,
        request: &GenerateRequest,
        tokenizer: &Tokenizer,
        eos: &Arc<[u32]>,
    ) -> Self {
        let options = DecodeOptions {
            skip_special: prepared.text.skip_special,
            continues: true,
        };
        let echo = prepared.echo.clone();
        let before = echo.as_ref().filter(|_| prepared.text.offset_by_prompt);
        Self {
            request: request.clone(),
            options: Arc::clone(&prepared.text),
            eos: Arc::clone(eos),
            tokenizer: tokenizer.clone(),
            detokenizer: Detokenizer::new(tokenizer.clone(), options),
            stop: prepared.stop.clone(),
            read: 0,
            cached: 0,
            maybe_last: None,
            written: 0,
            written_chars: before.map_or(0, |echo| echo.chars),
            unmatched: 0,
            held: HeldTokens::default(),
            scores: None,
            echo,
        }
    }

    /// Reads one event of the engine and appends what follows from it to `out`.
    pub(super) fn read(&mut self, event: TokenEvent, out: &mut VecDeque<TextEvent>) -> Next {
        let choice = self.request.choice();
        match event {
            TokenEvent::Prompt(scores) => {
                self.score_prompt(scores.into());
                self.say_prompt(out);
                Next::GoesOn
            }
            TokenEvent::Token {
                id,
                logprobs,
                cached_tokens,
            } => {
                self.cached = cached_tokens;
                self.say_prompt(out);
                self.read_token(id, logprobs, out)
            }
            TokenEvent::Done { reason, usage } => {
                self.say_prompt(out);
                self.finish(reason, usage, out);
                Next::Ended
            }
            TokenEvent::Failed(error) => {
                out.push_back(TextEvent::Failed { choice, error });
                Next::Ended
            }
        }
    }

    /// The prompt's log-probabilities, whichever choice they were computed for.
    pub(super) fn score_prompt(&mut self, scores: PromptScores) {
        self.scores = Some(scores);
    }

    /// Ends because of something outside of it.
    pub(super) fn fail(&self, error: EngineError, out: &mut VecDeque<TextEvent>) {
        out.push_back(TextEvent::Failed {
            choice: self.request.choice(),
            error,
        });
    }

    /// Says the prompt, if it is to be said and was not: not before there is something to follow, so
    /// that a failure still comes first.
    fn say_prompt(&mut self, out: &mut VecDeque<TextEvent>) {
        let Some(echo) = self.echo.take() else {
            return;
        };
        let scores = self.scores.take();
        let score = |index: usize| scores.as_ref()?.get(index)?.clone();
        let tokens = echo.tokens.iter().enumerate();
        let tokens = tokens.map(|(index, &(id, offset))| self.token(id, offset, score(index)));
        out.push_back(TextEvent::Prompt {
            choice: self.request.choice(),
            text: echo.text.clone(),
            tokens: tokens.collect(),
        });
    }

    fn read_token(
        &mut self,
        id: u32,
        logprobs: Option<TokenLogprobs>,
        out: &mut VecDeque<TextEvent>,
    ) -> Next {
        if let Some((id, logprobs)) = self.maybe_last.take()
            && self.write(id, logprobs, out) == Next::Ended
        {
            return Next::Ended;
        }
        if self.may_end_with(id) {
            self.maybe_last = Some((id, logprobs));
            return Next::GoesOn;
        }
        self.write(id, logprobs, out)
    }

    fn may_end_with(&self, id: u32) -> bool {
        let params = self.request.params();
        params.stop_token_ids.contains(&id) || self.ends(id)
    }

    /// Whether it is the model's own end.
    fn ends(&self, id: u32) -> bool {
        self.request.heeds_eos() && self.eos.contains(&id)
    }

    /// Writes a token's text, and ends the choice at a stop string.
    fn write(
        &mut self,
        id: u32,
        logprobs: Option<TokenLogprobs>,
        out: &mut VecDeque<TextEvent>,
    ) -> Next {
        let mut piece = String::new();
        // What the tokens before left broken is theirs, though it is only known with this one.
        let own = self.detokenizer.push(id, &mut piece);
        self.read = self.read.saturating_add(1);
        let (broken, text) = piece.split_at(own);
        let start = self.written + broken.len();
        let end = start + text.len();
        self.held.extend_to(start);
        let offset = self.written_chars + broken.chars().count();
        let token = self.token(id, offset, logprobs);
        self.held.push(token, start, end);
        self.written_chars = offset + text.chars().count();
        self.written = end;

        let mut text = String::new();
        if self.read <= self.request.params().min_tokens {
            self.unmatched = end;
            let tokens = self.held.take_released(end);
            self.say(piece, tokens, out);
            return Next::GoesOn;
        }
        if let Some(index) = self.stop.push(&piece, &mut text) {
            self.end_at_stop(index, text, out);
            return Next::Ended;
        }
        let tokens = self
            .held
            .take_released(self.unmatched + self.stop.released());
        self.say(text, tokens, out);
        Next::GoesOn
    }

    /// Ends the choice where a stop string was found; `text` is what stood before it.
    fn end_at_stop(&mut self, index: usize, mut text: String, out: &mut VecDeque<TextEvent>) {
        let stop = self.options.stop.get(index).cloned().unwrap_or_default();
        let mut cut = self.unmatched + self.stop.released();
        if self.options.include_stop {
            text.push_str(&stop);
            cut += stop.len();
        }
        let tokens = self.held.take_cut(cut);
        self.say(text, tokens, out);
        let prompt_tokens = u32::try_from(self.request.prompt().len()).unwrap_or(u32::MAX);
        out.push_back(TextEvent::Finished {
            choice: self.request.choice(),
            reason: FinishReason::Stop {
                matched: Some(StopMatch::Text(stop)),
            },
            usage: TextUsage {
                prompt_tokens,
                cached_tokens: self.cached,
                completion_tokens: self.read,
            },
        });
    }

    /// The engine is done: says what was held back, and why the answer ended.
    fn finish(&mut self, reason: EngineFinish, usage: Usage, out: &mut VecDeque<TextEvent>) {
        if let Some((id, logprobs)) = self.maybe_last.take() {
            let ended_by_it = reason == EngineFinish::StopToken(id);
            if self.shows(id, ended_by_it) && self.write(id, logprobs, out) == Next::Ended {
                return;
            }
        }
        let (mut rest, mut text) = (String::new(), String::new());
        self.detokenizer.finish(&mut rest);
        if let Some(index) = self.stop.push(&rest, &mut text) {
            self.end_at_stop(index, text, out);
            return;
        }
        self.stop.finish(&mut text);
        let tokens = self.held.take_all();
        self.say(text, tokens, out);
        out.push_back(TextEvent::Finished {
            choice: self.request.choice(),
            reason: self.reason(reason),
            usage: TextUsage {
                prompt_tokens: usage.prompt_tokens,
                cached_tokens: usage.cached_tokens,
                completion_tokens: usage.completion_tokens,
            },
        });
    }

    /// Whether a token is part of the text although it may have ended the answer.
    fn shows(&self, id: u32, ended_by_it: bool) -> bool {
        let special_is_shown = !self.options.skip_special && self.tokenizer.is_special(id);
        !ended_by_it || self.options.include_stop || special_is_shown
    }

    fn reason(&self, reason: EngineFinish) -> FinishReason {
        match reason {
            EngineFinish::Length => FinishReason::Length,
            EngineFinish::StopToken(id) => {
                let matched = (!self.ends(id)).then_some(StopMatch::Token(id));
                FinishReason::Stop { matched }
            }
        }
    }

    /// Appends a delta, if there is something in it.
    fn say(&self, text: String, tokens: Vec<TextToken>, out: &mut VecDeque<TextEvent>) {
        if !text.is_empty() || !tokens.is_empty() {
            let choice = self.request.choice();
            out.push_back(TextEvent::Delta {
                choice,
                text,
                tokens,
            });
        }
    }

    fn token(&self, id: u32, offset: usize, logprobs: Option<TokenLogprobs>) -> TextToken {
        let bytes = |id| self.tokenizer.token_bytes(id).to_vec();
        let alternative = |(id, logprob)| Alternative {
            id,
            bytes: bytes(id),
            logprob,
        };
        TextToken {
            id,
            bytes: bytes(id),
            offset,
            logprobs: logprobs.map(|of| Logprobs {
                logprob: of.logprob,
                rank: of.rank,
                top: of.top.into_iter().map(alternative).collect(),
            }),
        }
    }
}

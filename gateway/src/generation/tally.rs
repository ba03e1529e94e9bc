//! What a request has cost so far.

use llm_apps::stage::generate::{PreparedRequest, TextUsage};

use crate::openai::Usage;

/// Tokens of each prompt and of each of its choices. The choices of all prompts are numbered
/// through: those of the first prompt come first.
#[derive(Debug)]
pub(crate) struct Tally {
    prompts: Vec<Prompt>,
    completion: Vec<u32>,
}

#[derive(Debug)]
struct Prompt {
    tokens: u32,
    /// The least that a choice found in the prefix cache: the first of them may have filled it for
    /// the others.
    cached: Option<u32>,
    choices: usize,
}

impl Tally {
    pub(super) fn new(prepared: &[PreparedRequest]) -> Self {
        let prompts: Vec<_> = prepared
            .iter()
            .map(|p| Prompt {
                tokens: u32::try_from(p.prompt_tokens()).unwrap_or(u32::MAX),
                cached: None,
                choices: p.requests().len(),
            })
            .collect();
        let choices = prompts.iter().map(|p| p.choices).sum();
        Self {
            prompts,
            completion: vec![0; choices],
        }
    }

    /// One answer to a prompt whose tokens are known when the answer is complete.
    pub(super) fn of_application() -> Self {
        let prompt = Prompt {
            tokens: 0,
            cached: None,
            choices: 1,
        };
        Self {
            prompts: vec![prompt],
            completion: vec![0],
        }
    }

    /// Choices of all prompts.
    pub(crate) fn choices(&self) -> usize {
        self.completion.len()
    }

    /// Number of the first choice of each prompt.
    pub(super) fn first_choices(&self) -> impl Iterator<Item = usize> {
        self.prompts.iter().scan(0, |next, prompt| {
            let first = *next;
            *next += prompt.choices;
            Some(first)
        })
    }

    /// Tokens of all prompts, each counted once.
    pub(crate) fn prompt_tokens(&self) -> u32 {
        self.prompts
            .iter()
            .fold(0, |sum, p| sum.saturating_add(p.tokens))
    }

    /// The usage so far, or, when all choices have ended, of the whole.
    pub(crate) fn usage(&self) -> Usage {
        let cached = self.prompts.iter().filter_map(|p| p.cached);
        let completion = self.completion.iter();
        Usage::new(
            self.prompt_tokens(),
            cached.fold(0, u32::saturating_add),
            completion.fold(0, |sum, &tokens| sum.saturating_add(tokens)),
        )
    }

    /// A choice grew.
    pub(super) fn grew(&mut self, choice: usize, tokens: u32) {
        if let Some(count) = self.completion.get_mut(choice) {
            *count = count.saturating_add(tokens);
        }
    }

    /// A choice ended; returns the tokens that it had not been seen to grow by.
    pub(super) fn ended(&mut self, choice: usize, usage: TextUsage) -> u32 {
        let mut firsts = self.first_choices();
        let prompt = firsts.by_ref().take_while(|&first| first <= choice).count();
        drop(firsts);
        if let Some(prompt) = prompt.checked_sub(1).and_then(|p| self.prompts.get_mut(p)) {
            let known = prompt.cached.unwrap_or(u32::MAX);
            prompt.cached = Some(known.min(usage.cached_tokens));
            prompt.tokens = usage.prompt_tokens;
        }
        let Some(count) = self.completion.get_mut(choice) else {
            return 0;
        };
        let unseen = usage.completion_tokens.saturating_sub(*count);
        *count = usage.completion_tokens;
        unseen
    }
}

//! [`GrammarCompiler`]: from a grammar to what masks a model's tokens.

use std::sync::{Arc, OnceLock};

use llguidance::api::{ParserLimits, TopLevelGrammar};
use llguidance::derivre::RegexBuilder;
use llguidance::toktrie::InferenceCapabilities;
use llguidance::{Matcher, ParserFactory, regex_to_lark};
use parking_lot::Mutex;

use super::cache::Cache;
use super::error::{GrammarError, one_line};
use super::grammar::{Grammar, GrammarKind};
use super::matcher::CompiledGrammar;
use super::schema;
use super::vocabulary::vocabulary;
use crate::tokenizer::Tokenizer;

/// Compiles grammars for one model's tokens, and keeps those used last. Cheap to clone; clones share
/// everything.
#[derive(Debug, Clone)]
pub struct GrammarCompiler {
    shared: Arc<Shared>,
}

struct Shared {
    tokenizer: Tokenizer,
    eos: Vec<u32>,
    /// Made when the first grammar comes: most models never need it.
    factory: OnceLock<Result<ParserFactory, GrammarError>>,
    cache: Mutex<Cache>,
}

impl GrammarCompiler {
    /// For answers of `tokenizer`'s tokens that end with one of `eos`.
    pub fn new(tokenizer: Tokenizer, eos: Vec<u32>) -> Self {
        let shared = Shared {
            tokenizer,
            eos,
            factory: OnceLock::new(),
            cache: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The grammar, if it was compiled before and is still here.
    pub fn cached(&self, grammar: &Grammar) -> Option<Arc<CompiledGrammar>> {
        self.shared.cache.lock().get(grammar)
    }

    /// Compiles, or finds what was compiled. May take seconds, and a few megabytes of stack: for a
    /// thread that nobody else waits for.
    ///
    /// # Errors
    /// [`GrammarError`] says what of the grammar cannot be read or kept.
    pub fn compile(&self, grammar: &Grammar) -> Result<Arc<CompiledGrammar>, GrammarError> {
        if let Some(compiled) = self.cached(grammar) {
            return Ok(compiled);
        }
        let factory = self.shared.factory.get_or_init(|| self.shared.factory());
        let factory = factory.as_ref().map_err(Clone::clone)?;
        let refused = |error: String| why(grammar, &error);
        let parser = factory.create_parser(grammar.for_llguidance()?);
        let mut matcher = Matcher::new(Ok(parser.map_err(|error| refused(error.to_string()))?));
        // What every answer begins with is worked out once, here.
        let first = matcher.compute_mask_or_eos();
        first.map_err(|error| refused(error.to_string()))?;
        let compiled = Arc::new(CompiledGrammar::new(grammar.clone(), matcher));
        self.shared.cache.lock().put(&compiled);
        Ok(compiled)
    }
}

impl Shared {
    fn factory(&self) -> Result<ParserFactory, GrammarError> {
        let env = vocabulary(&self.tokenizer, &self.eos)?;
        let nothing_forced = InferenceCapabilities::default();
        let slices = llguidance::earley::SlicedBiasComputer::general_slices();
        let factory = ParserFactory::new(&env, nothing_forced, &slices);
        let mut factory = factory.map_err(|error| GrammarError::Vocabulary {
            reason: one_line(&error.to_string()),
        })?;
        factory.quiet();
        *factory.limits_mut() = limits();
        Ok(factory)
    }
}

/// What compiling, and each token after it, may cost. llguidance's own limits, but for the states that
/// an answer's lexer may keep: each is a few hundred bytes.
fn limits() -> ParserLimits {
    ParserLimits {
        max_lexer_states: 50_000,
        verbose_errors: false,
        ..ParserLimits::default()
    }
}

impl Grammar {
    fn for_llguidance(&self) -> Result<TopLevelGrammar, GrammarError> {
        let source = &*self.source;
        match self.kind {
            GrammarKind::JsonSchema => Ok(TopLevelGrammar::from_json_schema(schema::with_options(
                source,
            )?)),
            GrammarKind::Regex => {
                // As it was written, since rewriting forgives a little.
                let read = RegexBuilder::new().mk_regex(source);
                read.map_err(|error| why(self, &error.to_string()))?;
                let pattern = regex_to_lark(source, "dws");
                Ok(TopLevelGrammar::from_lark(format!("start: /{pattern}/")))
            }
            GrammarKind::Choice | GrammarKind::Grammar => {
                Ok(TopLevelGrammar::from_lark(source.to_owned()))
            }
        }
    }
}

/// What llguidance said of a grammar, as the error of its kind.
fn why(grammar: &Grammar, message: &str) -> GrammarError {
    let reason = one_line(message);
    match grammar.kind {
        GrammarKind::JsonSchema => schema::refused(&grammar.source, reason),
        GrammarKind::Regex => GrammarError::Regex { reason },
        GrammarKind::Choice => GrammarError::Choice { reason },
        GrammarKind::Grammar => GrammarError::Grammar { reason },
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("tokenizer", &self.tokenizer)
            .field("eos", &self.eos)
            .finish_non_exhaustive()
    }
}

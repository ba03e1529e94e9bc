//! Grammars are compiled beside everything else: neither the engine nor the server's own threads wait.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use engine::constraint::{CompiledGrammar, GrammarCompiler, GrammarError};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::error::GenerateError;
use super::request::Form;

/// How long one may take.
const WITHIN: Duration = Duration::from_secs(5);
/// Stack of its thread: grammars are read by functions that call themselves.
const STACK: usize = 16 << 20;

/// The compiler of one model, and whose turn it is.
#[derive(Debug)]
pub(super) struct Compiling {
    compiler: GrammarCompiler,
    turns: Arc<Semaphore>,
}

impl Compiling {
    /// No more than `at_once` are compiled at the same time.
    pub(super) fn new(compiler: GrammarCompiler, at_once: usize) -> Self {
        Self {
            compiler,
            turns: Arc::new(Semaphore::new(at_once)),
        }
    }

    /// The form's grammar, ready for use.
    ///
    /// One that takes too long is left to itself: what llguidance counts ends it, and until then it
    /// holds its turn.
    pub(super) async fn compile(&self, form: &Form) -> Result<Arc<CompiledGrammar>, GenerateError> {
        if let Some(compiled) = self.compiler.cached(&form.grammar) {
            return Ok(compiled);
        }
        let aborted = |reason: String| GenerateError::Aborted { reason };
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|error| aborted(error.to_string()))?;
        let (compiler, grammar) = (self.compiler.clone(), form.grammar.clone());
        let (tell, told) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("grammar".to_owned())
            .stack_size(STACK);
        let started = thread.spawn(move || {
            let compiled = compiler.compile(&grammar);
            drop(turn);
            // Whoever asked may be gone.
            tell.send(compiled).ok();
        });
        started.map_err(|error| aborted(error.to_string()))?;
        let compiled = match timeout(WITHIN, told).await {
            Ok(Ok(compiled)) => compiled,
            Ok(Err(gone)) => return Err(aborted(gone.to_string())),
            Err(_) => Err(GrammarError::TooSlow {
                seconds: WITHIN.as_secs(),
            }),
        };
        compiled.map_err(|error| form.refused(error))
    }
}

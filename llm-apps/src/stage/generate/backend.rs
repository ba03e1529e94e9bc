//! [`Backend`]: what computes a model's tokens, in this process or in others.

use std::pin::Pin;
use std::task::{Context, Poll};

use engine::{
    Engine, EngineError, EngineStats, GenerateRequest, ModelLimits, TokenEvent, TokenStream,
};
use futures::Stream;

use crate::remote::{ReplicaStream, Replicas, ReplicasStatus};

/// What computes. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub enum Backend {
    /// An engine of this process.
    Local(Engine),
    /// Engines in processes of their own.
    Replicas(Replicas),
}

/// The tokens of one generation, from wherever they come.
#[derive(Debug)]
pub(super) enum Tokens {
    Local(TokenStream),
    Replicas(Box<ReplicaStream>),
}

impl Backend {
    /// Accepts a request and answers at once.
    pub(super) fn submit(&self, request: GenerateRequest) -> Result<Tokens, EngineError> {
        match self {
            Self::Local(engine) => engine.submit(request).map(Tokens::Local),
            Self::Replicas(replicas) => {
                let stream = replicas.submit(request);
                stream.map(|stream| Tokens::Replicas(Box::new(stream)))
            }
        }
    }

    /// What requests must be proved against.
    pub fn limits(&self) -> ModelLimits {
        match self {
            Self::Local(engine) => engine.limits(),
            Self::Replicas(replicas) => replicas.limits(),
        }
    }

    /// How it does; replicas are counted together.
    pub fn stats(&self) -> EngineStats {
        match self {
            Self::Local(engine) => engine.stats(),
            Self::Replicas(replicas) => replicas.stats(),
        }
    }

    /// How the replicas stand, where there are any.
    pub fn replicas(&self) -> Option<ReplicasStatus> {
        match self {
            Self::Local(_) => None,
            Self::Replicas(replicas) => Some(replicas.status()),
        }
    }

    /// Takes no more requests and ends those that it holds. Calling it again does nothing.
    pub fn shutdown(&self) {
        match self {
            Self::Local(engine) => engine.shutdown(),
            Self::Replicas(replicas) => replicas.shutdown(),
        }
    }
}

impl From<Engine> for Backend {
    fn from(engine: Engine) -> Self {
        Self::Local(engine)
    }
}

impl From<Replicas> for Backend {
    fn from(replicas: Replicas) -> Self {
        Self::Replicas(replicas)
    }
}

impl Stream for Tokens {
    type Item = TokenEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<TokenEvent>> {
        match self.get_mut() {
            Self::Local(tokens) => Pin::new(tokens).poll_next(cx),
            Self::Replicas(tokens) => Pin::new(tokens).poll_next(cx),
        }
    }
}

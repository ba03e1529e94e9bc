//! The calls.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use engine::constraint::{Grammar, GrammarCompiler};
use engine::{Engine, EngineError, GenerateRequest, OpenModel, TokenEvent, TokenStream};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tonic::{Request, Response, Status};

use crate::remote::config::{Facts, ReplicaConfig};
use crate::remote::proto;
use crate::remote::proto::PROTOCOL;
use crate::remote::proto::replica_server::Replica;
use crate::remote::wire::{from_event, from_stats, to_request};

/// How often a replica says how it does.
const PULSE: Duration = Duration::from_millis(250);
/// How often it is looked whether the last request has ended.
const DRAIN_LOOK: Duration = Duration::from_millis(20);
/// Stack of the thread that reads a grammar: by functions that call themselves.
const STACK: usize = 16 << 20;

/// Opens a model, which takes its time.
pub(in crate::remote) type OpenModelFn =
    Arc<dyn Fn(&ReplicaConfig) -> Result<OpenModel, String> + Send + Sync>;

/// One engine, once it is told which.
pub(super) struct ReplicaService {
    open: OpenModelFn,
    opened: Arc<OnceLock<Opened>>,
    draining: AtomicBool,
}

#[derive(Clone)]
struct Opened {
    engine: Engine,
    compiler: GrammarCompiler,
}

impl ReplicaService {
    pub(super) fn new(open: OpenModelFn) -> Self {
        Self {
            open,
            opened: Arc::default(),
            draining: AtomicBool::new(false),
        }
    }

    fn opened(&self) -> Result<&Opened, Status> {
        let early = || Status::failed_precondition("no model is open; `Open` comes first");
        self.opened.get().ok_or_else(early)
    }
}

type Events<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl Replica for ReplicaService {
    type GenerateStream = Events<proto::Event>;
    type WatchStream = Events<proto::Status>;

    async fn open(
        &self,
        request: Request<proto::OpenRequest>,
    ) -> Result<Response<proto::OpenReply>, Status> {
        let asked = request.into_inner();
        same_protocol(&asked)?;
        let config: ReplicaConfig = serde_json::from_str(&asked.config_json)
            .map_err(|error| Status::invalid_argument(format!("config_json: {error}")))?;
        let open = Arc::clone(&self.open);
        let opened = spawn_blocking(move || open(&config)).await;
        let OpenModel {
            engine,
            tokenizer,
            eos_token_ids,
            info,
        } = opened
            .map_err(|error| Status::internal(error.to_string()))?
            .map_err(Status::failed_precondition)?;
        let limits = engine.limits();
        let facts = serde_json::to_string(&Facts::of(&info));
        let reply = proto::OpenReply {
            vocab_size: limits.vocab_size as u64,
            max_model_len: limits.max_model_len as u64,
            eos_token_ids: eos_token_ids.clone(),
            facts_json: facts.map_err(|error| Status::internal(error.to_string()))?,
        };
        let compiler = GrammarCompiler::new(tokenizer, eos_token_ids);
        let twice = |_| Status::failed_precondition("a model is open already");
        self.opened
            .set(Opened { engine, compiler })
            .map_err(twice)?;
        Ok(Response::new(reply))
    }

    /// Answers at once, so that whoever asks knows that the request is here, and then says what becomes
    /// of it.
    async fn generate(
        &self,
        request: Request<proto::Generation>,
    ) -> Result<Response<Self::GenerateStream>, Status> {
        let opened = self.opened()?.clone();
        let limits = opened.engine.limits();
        let (request, form) = to_request(request.into_inner(), &limits)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let draining = self.draining.load(Ordering::Acquire);
        let begun = async move {
            let begun = match draining {
                true => Err(EngineError::ShuttingDown),
                false => begin(opened, request, form).await,
            };
            match begun {
                Ok(tokens) => tokens.left_stream(),
                Err(error) => stream::iter([TokenEvent::Failed(error)]).right_stream(),
            }
        };
        let events = begun.flatten_stream();
        Ok(Response::new(events.map(from_event).map(Ok).boxed()))
    }

    async fn watch(
        &self,
        _: Request<proto::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let opened = Arc::clone(&self.opened);
        let mut pulse = interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let beats = stream::unfold((pulse, opened), async |(mut pulse, opened)| {
            pulse.tick().await;
            // While it opens the model it lives, and has nothing to compute.
            let stats = opened.get().map(|opened| opened.engine.stats());
            let status = from_stats(&stats.unwrap_or_default());
            Some((Ok(status), (pulse, opened)))
        });
        Ok(Response::new(beats.boxed()))
    }

    async fn drain(
        &self,
        _: Request<proto::DrainRequest>,
    ) -> Result<Response<proto::DrainReply>, Status> {
        self.draining.store(true, Ordering::Release);
        let engine = self.opened()?.engine.clone();
        let mut look = interval(DRAIN_LOOK);
        while engine.stats().held_requests > 0 {
            look.tick().await;
        }
        Ok(Response::new(proto::DrainReply {}))
    }
}

/// Two programs of different versions may not understand each other, and should say so.
fn same_protocol(asked: &proto::OpenRequest) -> Result<(), Status> {
    if asked.protocol == PROTOCOL {
        return Ok(());
    }
    Err(Status::failed_precondition(format!(
        "this replica is penstock {} and speaks version {PROTOCOL} of the protocol, but was asked in version {} \
         by penstock {}; run the same version of penstock on both sides",
        env!("CARGO_PKG_VERSION"),
        asked.protocol,
        asked.version
    )))
}

async fn begin(
    opened: Opened,
    request: GenerateRequest,
    form: Option<Grammar>,
) -> Result<TokenStream, EngineError> {
    let Some(form) = form else {
        return opened.engine.submit(request);
    };
    let lost = |why: String| EngineError::Constraint(why);
    let (tell, told) = oneshot::channel();
    let thread = thread::Builder::new()
        .name("grammar".to_owned())
        .stack_size(STACK);
    // Behind tokens that were said, the form is followed through them, which is work as well.
    let started = thread.spawn(move || {
        let compiled = opened.compiler.compile(&form);
        let begun = match compiled {
            Ok(grammar) => opened.engine.submit(request.with_grammar(grammar)),
            Err(error) => Err(EngineError::Constraint(error.to_string())),
        };
        // Whoever asked may be gone.
        tell.send(begun).ok();
    });
    started.map_err(|error| lost(error.to_string()))?;
    told.await.map_err(|error| lost(error.to_string()))?
}

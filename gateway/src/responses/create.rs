//! The way from a request to a response that is being made.

use std::sync::Arc;
use std::time::Duration;

use llm_apps::reasoning::Opening;
use llm_apps::stage::Call;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};

use super::history::{RESPONSE, Read, item_id, read};
use super::live::{Live, Registered};
use super::request::{After, ResponseRequest, in_our_words};
use super::run::{Ending, Run, failure, finished};
use crate::catalogue::Served;
use crate::error::ApiError;
use crate::generation::{Answers, ask, start};
use crate::http::Terms;
use crate::openai::{ChatRequest, chat_payload, chat_text};
use crate::state::SharedState;
use crate::store::{ResponseRecord, ResponseStatus};
use crate::telemetry::Operation;

/// Times that a response in the background asks for room, and the longest pause between two.
const MAX_TRIES: u32 = 12;
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// A response that was asked for.
pub(crate) enum Created {
    /// Its client moves it on.
    Foreground(Box<Run>, Call),
    /// It is made whether anybody looks or not.
    Background(Arc<Live>),
}

/// What is to be made.
struct Order {
    served: Served,
    chat: ChatRequest,
    terms: Terms,
    arrived: Instant,
}

/// Begins a response.
///
/// # Errors
/// The request is at fault, or there is no room; of one that its client waits for also all that fails before the
/// first event.
pub(crate) async fn create(
    state: &SharedState,
    request: ResponseRequest,
    terms: Terms,
) -> Result<Created, ApiError> {
    let arrived = Instant::now();
    let served = state.served(&request.model)?;
    let responses = state.responses();
    let place = match request.background {
        true => Some(responses.place(state)?),
        false => None,
    };
    let id = state.edge().id(RESPONSE);
    let keeping = responses.keeping(state.store()).await;
    let Read { input, chat } = read(state, keeping, &request, &id, state.rules()).await?;
    let ending = Ending {
        keeping: Some(keeping.clone()),
        store: request.store,
        edge: Arc::clone(state.edge()),
    };
    let record = record(state, &served, &request, id, input);
    let order = Order {
        served,
        chat,
        terms,
        arrived,
    };
    match place {
        Some(place) => in_background(state, record, order, ending, place).await,
        None => {
            let call = order.terms.call();
            let stored = request.store;
            let run = in_foreground(state, record, order, (ending, stored)).await?;
            Ok(Created::Foreground(Box::new(run), call))
        }
    }
}

fn record(
    state: &SharedState,
    served: &Served,
    request: &ResponseRequest,
    id: String,
    input: Vec<Value>,
) -> ResponseRecord {
    let mut asked = request.asked.clone();
    let name = match served {
        Served::Model(model) => {
            let defaults = &model.defaults().params;
            for (field, usual) in [
                ("temperature", defaults.temperature),
                ("top_p", defaults.top_p),
            ] {
                if asked.get(field).is_none_or(Value::is_null) {
                    asked.insert(field.to_owned(), as_written(usual));
                }
            }
            model.id()
        }
        Served::Application(application) => application.app().name(),
    };
    asked.insert("model".to_owned(), name.into());
    let (previous_response_id, conversation) = match &request.after {
        After::Nothing => (None, None),
        After::Response(id) => (Some(id.clone()), None),
        After::Conversation(id) => (None, Some(id.clone())),
    };
    ResponseRecord {
        id,
        created_at: state.edge().now(),
        completed_at: None,
        status: match request.background {
            true => ResponseStatus::Queued,
            false => ResponseStatus::InProgress,
        },
        error: None,
        asked,
        background: request.background,
        previous_response_id,
        conversation,
        input,
        output: Vec::new(),
        usage: None,
        sources: Value::Null,
    }
}

/// The number as somebody would write it, without the digits that it gets as one of 64 bits.
fn as_written(number: f32) -> Value {
    number
        .to_string()
        .parse::<f64>()
        .map_or(Value::Null, Value::from)
}

async fn in_foreground(
    state: &SharedState,
    record: ResponseRecord,
    order: Order,
    (ending, stored): (Ending, bool),
) -> Result<Run, ApiError> {
    let scores = order.chat.decoding.logprobs.is_some();
    let (answers, sources) = begin(state, order).await.map_err(in_our_words)?;
    let record = ResponseRecord { sources, ..record };
    let first = item_id(&record.id, record.input.len());
    let live = Live::new(record);
    let registered = stored.then(|| live.register(&state.responses().live));
    Ok(Run::new((live, registered), answers, ending, scores, first))
}

/// Keeps the response before its client hears of it, and makes it beside the request.
async fn in_background(
    state: &SharedState,
    record: ResponseRecord,
    order: Order,
    ending: Ending,
    place: OwnedSemaphorePermit,
) -> Result<Created, ApiError> {
    if let Some(keeping) = &ending.keeping {
        let kept = keeping.store.keep_response(record.clone(), keeping.room);
        kept.await.map_err(|error| ApiError::store(&error, None))?;
    }
    let live = Live::new(record);
    let registered = live.register(&state.responses().live);
    let (task, made) = (Arc::clone(state), Arc::clone(&live));
    // Shutdown waits for it as it does for requests.
    let token = state.lifecycle().request();
    state.responses().spawn(async move {
        make(&task, made, registered, order, ending).await;
        drop((place, token));
    });
    Ok(Created::Background(live))
}

async fn make(
    state: &SharedState,
    live: Arc<Live>,
    registered: Registered,
    order: Order,
    ending: Ending,
) {
    let scores = order.chat.decoding.logprobs.is_some();
    let begun = tokio::select! {
        biased;
        () = live.cancelled() => None,
        begun = begin_in_time(state, order) => Some(begun),
    };
    let (status, error) = match begun {
        Some(Ok((answers, sources))) => {
            let first = live.look(|record| item_id(&record.id, record.input.len()));
            live.change(|record| record.sources = sources);
            let run = Run::new((live, Some(registered)), answers, ending, scores, first);
            return run.complete().await;
        }
        Some(Err(error)) => (ResponseStatus::Failed, Some(failure(&in_our_words(error)))),
        None => (ResponseStatus::Cancelled, None),
    };
    let record = live.look(ResponseRecord::clone);
    let record = finished(ending, record, status, error).await;
    live.change(|live| *live = record);
    drop(registered);
}

/// The same, again as long as there is no room.
async fn begin_in_time(state: &SharedState, order: Order) -> Result<(Answers, Value), ApiError> {
    let mut tries = 0;
    loop {
        let again = Order {
            served: order.served.clone(),
            chat: order.chat.clone(),
            terms: order.terms.clone(),
            arrived: order.arrived,
        };
        match begin(state, again).await {
            Err(ApiError::Busy { retry_after, .. }) if tries < MAX_TRIES => {
                tries += 1;
                sleep((retry_after * tries).min(MAX_PAUSE)).await;
            }
            other => return other,
        }
    }
}

/// Admits it and waits for the first event; also what an application made it from.
async fn begin(state: &SharedState, order: Order) -> Result<(Answers, Value), ApiError> {
    let Order {
        served,
        chat,
        terms,
        arrived,
    } = order;
    match served {
        Served::Application(application) => {
            let payload = chat_payload(chat)?;
            let when = (terms.call(), arrived, terms.deadline());
            let asked = ask(state, &application, Operation::Chat, payload, when).await?;
            Ok((asked.answers, asked.sources))
        }
        Served::Model(model) => {
            let syntax = (model.text().tool_syntax(), Opening::Behind);
            let text = chat_text(chat, syntax, &state.surroundings(&model))?;
            let when = (arrived, terms.deadline());
            let answers = start(state, &model, Operation::Chat, vec![text], when).await?;
            Ok((answers, Value::Null))
        }
    }
}

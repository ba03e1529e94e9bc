//! One batch, from where it stands to its end.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::jsonl::each_line;
use super::line::{Source, Tried, Unanswered};
use super::prove::prove;
use super::work::Site;
use crate::store::{BatchRecord, BatchStatus, Outcome, Outputs, StoreError};

/// Outcomes that wait for a transaction, at most; then no line begins.
const MAX_PENDING: usize = 256;
/// Lines that wait to be tried again, or are in flight, at most.
const MAX_BEGUN: usize = 128;
/// Lines that are given up in one transaction.
const CHUNK: usize = 512;
/// Longest time until the calendar is looked at again.
const LOOK: Duration = Duration::from_secs(60);

/// A batch that runs.
struct Run<'s> {
    site: &'s Site,
    batch: BatchRecord,
    source: Arc<Source>,
    /// Lines to be answered, with the tries that they had.
    queue: VecDeque<(u32, u32)>,
    begun: JoinSet<Result<Tried, StoreError>>,
    /// Outcomes that are not recorded.
    pending: Vec<Outcome>,
    recording: Option<BoxFuture<'static, Result<BatchRecord, StoreError>>>,
}

/// Brings a batch to its end. Dropped at any moment, it can be called again.
///
/// # Errors
/// The store failed; it can be called again.
pub(super) async fn run(
    site: &Site,
    batch: BatchRecord,
    cancelled: &CancellationToken,
) -> Result<(), StoreError> {
    let batch = match batch.status {
        BatchStatus::Validating => validate(site, batch).await?,
        BatchStatus::Failed
        | BatchStatus::InProgress
        | BatchStatus::Finalizing
        | BatchStatus::Completed
        | BatchStatus::Expired
        | BatchStatus::Cancelling
        | BatchStatus::Cancelled => batch,
    };
    if batch.status.is_final() {
        return Ok(());
    }
    let (id, status) = (batch.id.clone(), batch.status);
    if batch.in_progress_at.is_none() {
        // Cancelled before its lines were looked at.
        return end(site, id, BatchStatus::Cancelled).await;
    }
    let mut run = Run::new(site, batch).await?;
    let unanswered = if status == BatchStatus::Cancelling {
        Some(Unanswered::Cancelled)
    } else {
        run.answer(cancelled).await?
    };
    if let Some(why) = unanswered {
        give_up(site, &run.source, &id, why).await?;
    }
    drop(run);
    let now = site.state.edge().now();
    let finalizing = site.state.store().change_batch(id.clone(), move |batch| {
        if batch.status == BatchStatus::InProgress {
            batch.status = BatchStatus::Finalizing;
        }
        batch.finalizing_at.get_or_insert(now);
        Ok(())
    });
    let batch = finalizing.await?;
    // Also when another process came to this point first.
    let expired = batch.finalizing_at >= Some(batch.expires_at);
    let status = match unanswered {
        Some(Unanswered::Cancelled) => BatchStatus::Cancelled,
        _ if expired => BatchStatus::Expired,
        _ => BatchStatus::Completed,
    };
    end(site, id, status).await
}

/// Proves the input, and says so or what is wrong.
async fn validate(site: &Site, batch: BatchRecord) -> Result<BatchRecord, StoreError> {
    let store = site.state.store();
    let (_, input) = store.progress(batch.id.clone()).await?;
    let endpoint = batch.endpoint.clone();
    let proved = store.run(move |_| prove(&input, &endpoint)).await?;
    let now = site.state.edge().now();
    let changed = store.change_batch(batch.id, move |batch| {
        if batch.status != BatchStatus::Validating {
            return Ok(());
        }
        match proved {
            Ok(lines) => {
                batch.counts.total = u64::from(lines);
                batch.in_progress_at = Some(now);
                batch.status = BatchStatus::InProgress;
            }
            Err(faults) => {
                batch.errors = faults;
                batch.ended_at = Some(now);
                batch.status = BatchStatus::Failed;
            }
        }
        Ok(())
    });
    let batch = changed.await?;
    if batch.status == BatchStatus::Failed {
        site.metrics.ended(batch.status.name());
    }
    Ok(batch)
}

/// Writes the files and ends the batch.
async fn end(site: &Site, id: String, status: BatchStatus) -> Result<(), StoreError> {
    let edge = site.state.edge();
    let outputs = Outputs {
        output: edge.id("file-"),
        errors: edge.id("file-"),
        now: edge.now(),
        status,
    };
    let batch = site.state.store().end_batch(id, outputs).await?;
    site.metrics.ended(batch.status.name());
    Ok(())
}

impl<'s> Run<'s> {
    async fn new(site: &'s Site, batch: BatchRecord) -> Result<Self, StoreError> {
        let store = site.state.store();
        let (done, path) = store.progress(batch.id.clone()).await?;
        let indexed = store.run(move |_| {
            let mut spans = Vec::new();
            let walked = each_line(&path, |span, _| {
                spans.push(span);
                true
            })?;
            walked.map_err(|fault| StoreError::Failed(fault.to_string()))?;
            Ok((File::open(&path)?, spans))
        });
        let (input, spans) = indexed.await?;
        let lines = u32::try_from(spans.len()).unwrap_or(u32::MAX);
        let left = (0..lines).filter(|line| done.binary_search(line).is_err());
        let queue = left.map(|line| (line, 0)).collect();
        let source = Source {
            state: Arc::clone(&site.behind),
            router: site.router.clone(),
            endpoint: batch.endpoint.clone(),
            input,
            spans,
        };
        Ok(Self {
            site,
            batch,
            source: Arc::new(source),
            queue,
            begun: JoinSet::new(),
            pending: Vec::new(),
            recording: None,
        })
    }

    /// Answers lines until all are, or says why no more will be.
    async fn answer(
        &mut self,
        cancelled: &CancellationToken,
    ) -> Result<Option<Unanswered>, StoreError> {
        loop {
            self.record_next();
            let idle = self.begun.is_empty() && self.recording.is_none();
            if self.queue.is_empty() && idle {
                return Ok(None);
            }
            let now = self.site.state.edge().now();
            let left = self.batch.expires_at.saturating_sub(now);
            if left == 0 {
                self.stop().await?;
                return Ok(Some(Unanswered::Expired));
            }
            let may_begin = !self.queue.is_empty()
                && self.pending.len() < MAX_PENDING
                && self.begun.len() < MAX_BEGUN;
            tokio::select! {
                biased;
                () = cancelled.cancelled() => {
                    self.stop().await?;
                    return Ok(Some(Unanswered::Cancelled));
                }
                recorded = recorded(&mut self.recording) => {
                    self.recording = None;
                    recorded?;
                }
                Some(tried) = self.begun.join_next() => {
                    let tried = tried.map_err(|error| StoreError::Failed(error.to_string()))??;
                    self.take(tried);
                }
                permit = self.site.gate.enter(), if may_begin => {
                    if let Some((line, tries)) = self.queue.pop_front() {
                        let source = Arc::clone(&self.source);
                        self.begun.spawn(source.answer(line, tries, permit));
                    }
                }
                () = sleep(Duration::from_secs(left).min(LOOK)) => {}
            }
        }
    }

    fn take(&mut self, tried: Tried) {
        match tried {
            Tried::Done(outcome) => self.pending.push(outcome),
            Tried::GaveWay(line) => self.queue.push_front((line, 0)),
            Tried::Again(line, tries) => self.queue.push_back((line, tries)),
        }
    }

    /// Begins a transaction with what waits for one, unless one is written.
    fn record_next(&mut self) {
        if self.recording.is_some() || self.pending.is_empty() {
            return;
        }
        let outcomes = std::mem::take(&mut self.pending);
        self.site.metrics.lines(&outcomes);
        let (store, id) = (self.site.state.store().clone(), self.batch.id.clone());
        self.recording = Some(async move { store.record(id, outcomes).await }.boxed());
    }

    /// Gives up what is in flight, and records what is known.
    async fn stop(&mut self) -> Result<(), StoreError> {
        self.begun.shutdown().await;
        while self.recording.is_some() || !self.pending.is_empty() {
            self.record_next();
            recorded(&mut self.recording).await?;
            self.recording = None;
        }
        Ok(())
    }
}

/// Records that the lines that are left get no answer.
async fn give_up(
    site: &Site,
    source: &Arc<Source>,
    id: &str,
    why: Unanswered,
) -> Result<(), StoreError> {
    let store = site.state.store();
    let (done, _) = store.progress(id.to_owned()).await?;
    let lines = u32::try_from(source.spans.len()).unwrap_or(u32::MAX);
    let left = (0..lines).filter(|line| done.binary_search(line).is_err());
    let left: Vec<u32> = left.collect();
    for chunk in left.chunks(CHUNK) {
        let mut outcomes = Vec::with_capacity(chunk.len());
        for &line in chunk {
            outcomes.push(source.unanswered(line, why).await?);
        }
        site.metrics.lines(&outcomes);
        store.record(id.to_owned(), outcomes).await?;
    }
    Ok(())
}

/// Ends when the transaction that is written is on disk; never where there is none.
async fn recorded(
    recording: &mut Option<BoxFuture<'static, Result<BatchRecord, StoreError>>>,
) -> Result<(), StoreError> {
    match recording {
        Some(recording) => recording.await.map(drop),
        None => std::future::pending().await,
    }
}

//! Batches, and what became of each of their lines.

use std::path::PathBuf;

use redb::{ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bodies::{self, Writing};
use super::error::StoreError;
use super::files::FileRecord;
use super::folder::{Opened, Store};
use super::shelf::{self, BATCHES, Kept, Page, PageRequest, Shelf};

/// By the batch's number and the line's: whether it went well, and the line that says so.
pub(super) const OUTCOMES: TableDefinition<'static, (u64, u32), (bool, &'static [u8])> =
    TableDefinition::new("outcomes");

/// What is known of a batch. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BatchRecord {
    pub(crate) id: String,
    pub(crate) endpoint: String,
    pub(crate) input_file_id: String,
    pub(crate) completion_window: String,
    pub(crate) status: BatchStatus,
    pub(crate) counts: Counts,
    /// What is wrong with the input, where it is.
    pub(crate) errors: Vec<LineFault>,
    pub(crate) output_file_id: Option<String>,
    pub(crate) error_file_id: Option<String>,
    /// Seconds that its output files are kept; `None` keeps them.
    pub(crate) output_expires_after: Option<u64>,
    pub(crate) metadata: Value,
    pub(crate) created_at: u64,
    pub(crate) expires_at: u64,
    pub(crate) in_progress_at: Option<u64>,
    pub(crate) finalizing_at: Option<u64>,
    pub(crate) cancelling_at: Option<u64>,
    /// When it reached the status that it ends with.
    pub(crate) ended_at: Option<u64>,
}

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BatchStatus {
    Validating,
    Failed,
    InProgress,
    Finalizing,
    Completed,
    Expired,
    Cancelling,
    Cancelled,
}

/// Lines of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) total: u64,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
}

/// What is wrong with a line of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineFault {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) param: Option<String>,
    /// Counted from 1; `None` is a fault of the file.
    pub(crate) line: Option<u64>,
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Its number among the lines that are not empty, from 0.
    pub(crate) line: u32,
    /// Whether it goes into the output file, else into that of errors.
    pub(crate) ok: bool,
    /// The line of that file.
    pub(crate) text: Vec<u8>,
}

/// The ids that a batch's files get, if it has such lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outputs {
    pub(crate) output: String,
    pub(crate) errors: String,
    /// Seconds since 1970.
    pub(crate) now: u64,
    /// What the batch ends as, unless it is being cancelled.
    pub(crate) status: BatchStatus,
}

/// Batches that are not done, at most.
const MAX_UNFINISHED: usize = 200;
/// Batches that are remembered; beyond, the oldest that is done is forgotten.
const MAX_BATCHES: usize = 10_000;

impl BatchStatus {
    /// Whether nothing happens to it any more.
    pub(crate) fn is_final(self) -> bool {
        match self {
            Self::Failed | Self::Completed | Self::Expired | Self::Cancelled => true,
            Self::Validating | Self::InProgress | Self::Finalizing | Self::Cancelling => false,
        }
    }

    /// OpenAI's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Validating => "validating",
            Self::Failed => "failed",
            Self::InProgress => "in_progress",
            Self::Finalizing => "finalizing",
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
        }
    }
}

impl BatchRecord {
    /// Whether it still needs this file.
    pub(super) fn reads(&self, file: &str) -> bool {
        !self.status.is_final() && self.input_file_id == file
    }
}

impl Kept for BatchRecord {
    const SHELF: Shelf = BATCHES;

    fn id(&self) -> &str {
        &self.id
    }
}

impl Store {
    /// Keeps a new batch.
    ///
    /// # Errors
    /// Its input is not there or is for something else, or too many are not done.
    pub(crate) async fn add_batch(&self, batch: BatchRecord) -> Result<(), StoreError> {
        self.run(move |opened| opened.add_batch(&batch)).await
    }

    /// A batch.
    ///
    /// # Errors
    /// There is none of this id.
    pub(crate) async fn batch(&self, id: String) -> Result<BatchRecord, StoreError> {
        self.run(move |opened| {
            let (_, batch) = shelf::get(&opened.database.begin_read()?, &id)?;
            Ok(batch)
        })
        .await
    }

    /// Batches by pages.
    ///
    /// # Errors
    /// There is no batch with the id in `request`.
    pub(crate) async fn batches(
        &self,
        request: PageRequest,
    ) -> Result<Page<BatchRecord>, StoreError> {
        self.run(move |opened| {
            let read = opened.database.begin_read()?;
            shelf::page(&read, &request, |_: &BatchRecord| true)
        })
        .await
    }

    /// Batches that are not done, the oldest first.
    ///
    /// # Errors
    /// The disk failed.
    pub(crate) async fn unfinished_batches(&self) -> Result<Vec<BatchRecord>, StoreError> {
        self.run(|opened| {
            let mut all: Vec<BatchRecord> = shelf::all(&opened.database.begin_read()?)?;
            all.retain(|batch| !batch.status.is_final());
            Ok(all)
        })
        .await
    }

    /// Changes a batch in one transaction, and returns what it has become.
    ///
    /// # Errors
    /// There is none, or `change` refuses; then nothing has changed.
    pub(crate) async fn change_batch(
        &self,
        id: String,
        change: impl FnOnce(&mut BatchRecord) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<BatchRecord, StoreError> {
        self.run(move |opened| opened.change_batch(&id, change))
            .await
    }

    /// Records what became of lines, and counts them; a line that has an outcome keeps it.
    ///
    /// # Errors
    /// The disk failed; then none is recorded.
    pub(crate) async fn record(
        &self,
        id: String,
        outcomes: Vec<Outcome>,
    ) -> Result<BatchRecord, StoreError> {
        self.run(move |opened| opened.record(&id, &outcomes)).await
    }

    /// Numbers of the lines that have an outcome, in order, and where the input lies.
    ///
    /// # Errors
    /// There is no such batch.
    pub(crate) async fn progress(&self, id: String) -> Result<(Vec<u32>, PathBuf), StoreError> {
        self.run(move |opened| opened.progress(&id)).await
    }

    /// Writes the files of a batch whose lines all have outcomes, and ends it.
    ///
    /// # Errors
    /// The disk failed; then it can be tried again.
    pub(crate) async fn end_batch(
        &self,
        id: String,
        outputs: Outputs,
    ) -> Result<BatchRecord, StoreError> {
        self.run(move |opened| opened.end_batch(&id, &outputs))
            .await
    }
}

impl Opened {
    fn add_batch(&self, batch: &BatchRecord) -> Result<(), StoreError> {
        let change = self.database.begin_write()?;
        let (_, input): (u64, FileRecord) = shelf::of_change(&change, &batch.input_file_id)?;
        if input.has_expired(batch.created_at) {
            return Err(StoreError::missing("file", &input.id));
        }
        if input.purpose != "batch" {
            return Err(StoreError::Refused(format!(
                "the file `{}` was uploaded with the purpose \"{}\"; a batch needs one with \"batch\"",
                input.id, input.purpose
            )));
        }
        let all: Vec<BatchRecord> = shelf::all_of_change(&change)?;
        let unfinished = all.iter().filter(|b| !b.status.is_final()).count();
        if unfinished >= MAX_UNFINISHED {
            return Err(StoreError::Refused(format!(
                "{MAX_UNFINISHED} batches are not done, which is the limit; wait or cancel some"
            )));
        }
        if all.len() >= MAX_BATCHES
            && let Some(oldest) = all.iter().find(|b| b.status.is_final())
        {
            shelf::remove::<BatchRecord>(&change, &oldest.id)?;
        }
        shelf::add(&change, batch)?;
        Ok(change.commit()?)
    }

    pub(super) fn change_batch(
        &self,
        id: &str,
        change: impl FnOnce(&mut BatchRecord) -> Result<(), StoreError>,
    ) -> Result<BatchRecord, StoreError> {
        let transaction = self.database.begin_write()?;
        let (_, mut batch): (u64, BatchRecord) = shelf::of_change(&transaction, id)?;
        change(&mut batch)?;
        shelf::replace(&transaction, &batch)?;
        transaction.commit()?;
        Ok(batch)
    }

    pub(super) fn record(&self, id: &str, outcomes: &[Outcome]) -> Result<BatchRecord, StoreError> {
        let change = self.database.begin_write()?;
        let (number, mut batch): (u64, BatchRecord) = shelf::of_change(&change, id)?;
        let mut table = change.open_table(OUTCOMES)?;
        for outcome in outcomes {
            let key = (number, outcome.line);
            if table.get(key)?.is_some() {
                continue;
            }
            table.insert(key, (outcome.ok, outcome.text.as_slice()))?;
            let counts = &mut batch.counts;
            let count = match outcome.ok {
                true => &mut counts.completed,
                false => &mut counts.failed,
            };
            *count += 1;
        }
        drop(table);
        shelf::replace(&change, &batch)?;
        change.commit()?;
        Ok(batch)
    }

    pub(super) fn progress(&self, id: &str) -> Result<(Vec<u32>, PathBuf), StoreError> {
        let read = self.database.begin_read()?;
        let (number, batch): (u64, BatchRecord) = shelf::get(&read, id)?;
        let outcomes = read.open_table(OUTCOMES)?;
        let range = outcomes.range((number, 0)..=(number, u32::MAX))?;
        let lines = range.map(|entry| Ok(entry?.0.value().1));
        let lines = lines.collect::<Result<_, StoreError>>()?;
        Ok((lines, bodies::place(&self.bodies, &batch.input_file_id)))
    }

    pub(super) fn end_batch(&self, id: &str, outputs: &Outputs) -> Result<BatchRecord, StoreError> {
        let read = self.database.begin_read()?;
        let (number, batch): (u64, BatchRecord) = shelf::get(&read, id)?;
        if batch.status.is_final() {
            return Ok(batch);
        }
        let outcomes = read.open_table(OUTCOMES)?;
        let mut written: [Option<Writing>; 2] = [None, None];
        for entry in outcomes.range((number, 0)..=(number, u32::MAX))? {
            let entry = entry?.1;
            let (ok, text) = entry.value();
            let (slot, name) = match ok {
                true => (&mut written[0], &outputs.output),
                false => (&mut written[1], &outputs.errors),
            };
            let writing = match slot {
                Some(writing) => writing,
                None => slot.insert(Writing::begin(&self.bodies, name)?),
            };
            writing.line(text)?;
        }
        let sizes = written.each_ref().map(|w| w.as_ref().map(|w| w.bytes));
        for writing in written.into_iter().flatten() {
            writing.finish()?.rename()?;
        }

        let change = self.database.begin_write()?;
        let (_, mut batch): (u64, BatchRecord) = shelf::of_change(&change, id)?;
        let expires_at = batch
            .output_expires_after
            .map(|s| outputs.now.saturating_add(s));
        let file = |id: &str, bytes, kind: &str| FileRecord {
            id: id.to_owned(),
            bytes,
            created_at: outputs.now,
            expires_at,
            filename: format!("{}_{kind}.jsonl", batch.id),
            purpose: "batch_output".to_owned(),
        };
        let [output, errors] = sizes;
        let output = output.map(|bytes| file(&outputs.output, bytes, "output"));
        let errors = errors.map(|bytes| file(&outputs.errors, bytes, "error"));
        for file in output.iter().chain(&errors) {
            shelf::add(&change, file)?;
        }
        batch.output_file_id = output.map(|file| file.id);
        batch.error_file_id = errors.map(|file| file.id);
        batch.status = match batch.status {
            BatchStatus::Cancelling => BatchStatus::Cancelled,
            BatchStatus::Validating
            | BatchStatus::Failed
            | BatchStatus::InProgress
            | BatchStatus::Finalizing
            | BatchStatus::Completed
            | BatchStatus::Expired
            | BatchStatus::Cancelled => outputs.status,
        };
        batch.ended_at = Some(outputs.now);
        shelf::replace(&change, &batch)?;
        let mut outcomes = change.open_table(OUTCOMES)?;
        outcomes.retain_in((number, 0)..=(number, u32::MAX), |_, _| false)?;
        drop(outcomes);
        change.commit()?;
        Ok(batch)
    }
}

//! An answer that is checked while it goes on.

use std::collections::VecDeque;

use futures::StreamExt;

use super::rules::Inspection;
use super::verdict::Breach;
use super::watcher::Watcher;
use crate::payload::{Answer, AnswerEvent, AnswerStream, Completion};
use crate::stage::StageError;

/// One answer on its way through the rules.
struct Checked {
    inspection: Inspection,
    watcher: Watcher,
    /// The answer; gone when it has ended or is not wanted any more, which cancels it.
    events: Option<AnswerStream>,
    /// Bytes of the text that were passed on.
    released: usize,
    ready: VecDeque<Result<AnswerEvent, StageError>>,
}

/// The same answer, of which nothing comes out that breaks a rule about places.
pub(super) fn checked(answer: Answer, inspection: Inspection) -> Answer {
    let checked = Checked {
        watcher: Watcher::new(&inspection.rules.options),
        inspection,
        events: Some(answer.into_stream()),
        released: 0,
        ready: VecDeque::new(),
    };
    Answer::new(futures::stream::unfold(checked, |mut checked| async move {
        let event = checked.next().await?;
        Some((event, checked))
    }))
}

impl Checked {
    async fn next(&mut self) -> Option<Result<AnswerEvent, StageError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            match self.events.as_mut()?.next().await {
                Some(Ok(AnswerEvent::Text(piece))) => match self.watcher.push(&piece) {
                    Some(breach) => self.end_with(&breach).await,
                    None => self.release(self.watcher.safe()),
                },
                Some(Ok(AnswerEvent::Finished(completion))) => self.finish(completion).await,
                Some(Err(error)) => self.fail(error),
                None => self.fail(StageError::failed("the answer ended without its end")),
            }
        }
    }

    /// The answer is complete.
    async fn finish(&mut self, completion: Completion) {
        self.events = None;
        let breach = match self.watcher.finish() {
            Some(breach) => Ok(Some(breach)),
            None => self.inspection.breach_of_whole(self.watcher.text()).await,
        };
        match breach {
            Ok(None) => {
                self.release(self.watcher.text().len());
                self.ready.push_back(Ok(AnswerEvent::Finished(completion)));
            }
            Ok(Some(breach)) => self.end_with(&breach).await,
            Err(error) => self.fail(error),
        }
    }

    /// Ends an answer that breaks a rule: cut before the place, or refused. What is behind is dropped
    /// first, so that nobody computes it while the rest is checked.
    async fn end_with(&mut self, breach: &Breach) {
        self.events = None;
        let cut = breach.cut.unwrap_or(self.released);
        let wanted = self.inspection.rules.options.on_failure.repair && breach.cut.is_some();
        let repaired = if wanted {
            self.inspection.repair(self.watcher.text(), breach).await
        } else {
            Ok(None)
        };
        // A repair that takes more away than the place comes too late: that was passed on.
        match repaired {
            Ok(Some(text)) if text.len() == cut => {
                self.release(cut);
                let end = AnswerEvent::Finished(Completion::Stop);
                self.ready.push_back(Ok(end));
            }
            Ok(_) => {
                self.release(cut);
                self.fail(self.inspection.refusal(breach));
            }
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: StageError) {
        self.events = None;
        self.ready.push_back(Err(error));
    }

    /// Passes on the text up to `place`.
    fn release(&mut self, place: usize) {
        if let Some(text) = self.watcher.text().get(self.released..place)
            && !text.is_empty()
        {
            self.ready.push_back(Ok(AnswerEvent::Text(text.to_owned())));
            self.released = place;
        }
    }
}

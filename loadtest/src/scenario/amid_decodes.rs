//! One long prompt that comes in while other answers run: how long do their readers wait?

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::client::{Caller, Failure, Sample};
use crate::latencies::Latencies;
use crate::outcome::{Figure, Outcome};
use crate::request::{Prompts, Request, Shape};

/// How many answers run, and what comes in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AmidDecodes {
    /// Answers that run.
    pub(crate) streams: u32,
    /// Of each of them. They are left when the long prompt has its first token, and must not end before.
    pub(crate) stream: Shape,
    /// Of the long prompt.
    pub(crate) intruder: Shape,
    /// Frames of each answer between the first frame of the last one and the long prompt: what is
    /// usual.
    pub(crate) settle: u64,
}

/// When the frames of one answer came.
type Times = Vec<Instant>;

impl AmidDecodes {
    /// Runs it with the prompts of `measurement`.
    pub(crate) async fn run(
        &self,
        caller: &Caller,
        prompts: &Prompts,
        measurement: u32,
    ) -> anyhow::Result<Outcome> {
        let (counts, mut seen) = watch::channel(vec![0_u64; self.streams as usize]);
        let (counts, (stop, stopped)) = (Arc::new(counts), watch::channel(false));
        let mut running: JoinSet<Result<Times, Failure>> = JoinSet::new();
        for (index, number) in (0..self.streams).enumerate() {
            let (caller, counts, mut stopped) =
                (caller.clone(), Arc::clone(&counts), stopped.clone());
            let request = prompts.write(self.stream, measurement, number);
            running.spawn(async move {
                let mut times = Times::new();
                let reading = caller.watch(&request, |now| {
                    times.push(now);
                    counts.send_modify(|counts| counts[index] += 1);
                });
                tokio::select! {
                    answer = reading => { answer?; }
                    _ = stopped.wait_for(|stop| *stop) => {}
                }
                Ok(times)
            });
        }
        let intruder = prompts.write(self.intruder, measurement, self.streams);
        let disturb = disturb(&mut seen, self.settle, caller, &intruder);
        let disturbed = tokio::select! {
            disturbed = disturb => disturbed?,
            // An answer that fails or ends too soon would be waited for in vain.
            ended = running.join_next() => return too_soon(ended),
        };
        stop.send_replace(true);
        let mut times = Vec::new();
        while let Some(read) = running.join_next().await {
            times.push(read.context("a client broke off")??);
        }
        let gaps = Gaps::of(&times, &disturbed);
        let mut outcome = Outcome::of(&[disturbed.sample], self.intruder.output)?;
        outcome.itl_ms = Latencies::of(gaps.before.iter().chain(&gaps.during).copied())?;
        let ms = |gap: Option<&Duration>| gap.map_or(f64::NAN, |gap| gap.as_secs_f64() * 1000.0);
        outcome.set(Figure::WorstGapMs, ms(gaps.during.last()));
        outcome.set(
            Figure::GapBeforeMs,
            ms(gaps.before.get(gaps.before.len() / 2)),
        );
        Ok(outcome)
    }
}

/// The long prompt's story.
#[derive(Debug)]
struct Disturbed {
    /// All answers run.
    usual: Instant,
    /// It is sent,
    sent: Instant,
    /// and answered.
    answered: Instant,
    sample: Result<Sample, Failure>,
}

/// Waits until each answer runs and has gone on for `settle` frames; sends `intruder`; waits until
/// each answer has gone on after it.
async fn disturb(
    seen: &mut watch::Receiver<Vec<u64>>,
    settle: u64,
    caller: &Caller,
    intruder: &Request,
) -> anyhow::Result<Disturbed> {
    gone_on(seen, 1).await?;
    let usual = Instant::now();
    gone_on(seen, settle).await?;
    let sent = Instant::now();
    let sample = caller.send(intruder).await;
    let answered = Instant::now();
    gone_on(seen, 1).await?;
    Ok(Disturbed {
        usual,
        sent,
        answered,
        sample,
    })
}

/// Waits until each answer has had so many more frames than now.
async fn gone_on(seen: &mut watch::Receiver<Vec<u64>>, frames: u64) -> anyhow::Result<()> {
    let base = seen.borrow().clone();
    let all = |counts: &Vec<u64>| {
        let mut both = counts.iter().zip(&base);
        both.all(|(count, base)| *count >= base + frames)
    };
    seen.wait_for(all)
        .await
        .context("nobody reads the answers")?;
    Ok(())
}

/// One of the answers is over although it should run.
fn too_soon(ended: Option<Result<Result<Times, Failure>, JoinError>>) -> anyhow::Result<Outcome> {
    match ended {
        Some(Ok(Ok(times))) => bail!(
            "a running answer ended after {} frames, before the long prompt was read",
            times.len()
        ),
        Some(Ok(Err(failure))) => bail!("a running answer failed: {}", failure.in_full()),
        Some(Err(error)) => Err(error).context("a client broke off"),
        None => bail!("a long prompt amid answers needs one answer at least"),
    }
}

/// Times between frames, sorted.
#[derive(Debug, PartialEq)]
struct Gaps {
    /// Of those that began after all answers ran and ended before the long prompt was sent.
    before: Vec<Duration>,
    /// Of those that overlap the time from sending it to its answer.
    during: Vec<Duration>,
}

impl Gaps {
    fn of(times: &[Times], disturbed: &Disturbed) -> Self {
        let (mut before, mut during) = (Vec::new(), Vec::new());
        for times in times {
            for (&from, &to) in times.iter().zip(times.iter().skip(1)) {
                if to > disturbed.sent && from < disturbed.answered {
                    during.push(to - from);
                } else if from >= disturbed.usual && to <= disturbed.sent {
                    before.push(to - from);
                }
            }
        }
        before.sort_unstable();
        during.sort_unstable();
        Self { before, during }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_told_apart_by_the_time_of_the_long_prompt() {
        let zero = Instant::now();
        let at = |ms: u64| zero + Duration::from_millis(ms);
        let times = |ms: &[u64]| ms.iter().copied().map(at).collect::<Times>();
        let ms = |ms: &[u64]| {
            ms.iter()
                .copied()
                .map(Duration::from_millis)
                .collect::<Vec<_>>()
        };
        // All run from 50, the prompt is sent at 100 and answered at 200.
        let streams = [
            times(&[0, 40, 60, 80, 110, 190, 210, 230]),
            times(&[50, 70, 90, 95, 205]),
        ];
        let disturbed = Disturbed {
            usual: at(50),
            sent: at(100),
            answered: at(200),
            sample: Err(Failure::NotDone),
        };
        let gaps = Gaps::of(&streams, &disturbed);
        assert_eq!(gaps.before, ms(&[5, 20, 20, 20]));
        assert_eq!(gaps.during, ms(&[20, 30, 80, 110]));
    }
}

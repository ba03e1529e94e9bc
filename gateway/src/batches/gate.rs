//! Who of the lines may go on now: those that need no slot that a request wants.

use std::collections::BTreeMap;
use std::sync::Arc;

use metrics::{Counter, Gauge};
use parking_lot::Mutex;
use tokio::sync;
use tokio_util::sync::CancellationToken;

use crate::admission::{Admission, Occupancy, PermitBehind};

/// The lines' way through the door.
#[derive(Debug)]
pub(super) struct Gate {
    door: Admission,
    max: usize,
    /// Batches take turns, a line each.
    turn: sync::Mutex<()>,
    lines: Mutex<Lines>,
    in_flight: Gauge,
    yielded: Counter,
}

/// The right to answer a line, until it has to be given up.
#[derive(Debug)]
pub(super) struct LinePermit {
    number: u64,
    give_up: CancellationToken,
    // Counted out after its slot has come back.
    _slot: PermitBehind,
    counted: Counted,
}

#[derive(Debug)]
struct Counted {
    number: u64,
    gate: Arc<Gate>,
}

/// Lines in flight, by the order in which they began.
#[derive(Debug, Default)]
struct Lines {
    next: u64,
    running: BTreeMap<u64, CancellationToken>,
    /// Lines that were told to give up and have not yet.
    leaving: usize,
}

impl Gate {
    /// A way for `max` lines.
    pub(super) fn new(door: Admission, max: usize, in_flight: Gauge, yielded: Counter) -> Self {
        Self {
            door,
            max,
            turn: sync::Mutex::default(),
            lines: Mutex::default(),
            in_flight,
            yielded,
        }
    }

    /// Waits until a line may go. Cancel safe.
    pub(super) async fn enter(self: &Arc<Self>) -> LinePermit {
        let _turn = self.turn.lock().await;
        loop {
            let mut changed = std::pin::pin!(self.door.changed());
            // Listens before it looks, so that nothing is missed between.
            changed.as_mut().enable();
            if let Some(permit) = self.try_enter() {
                return permit;
            }
            changed.await;
        }
    }

    /// Tells lines to give up as long as requests wait. Never ends.
    pub(super) async fn watch(&self) {
        loop {
            let mut changed = std::pin::pin!(self.door.changed());
            changed.as_mut().enable();
            let waiting = self.door.occupancy().queued;
            self.lines.lock().give_up(waiting, &self.yielded);
            changed.await;
        }
    }

    fn try_enter(self: &Arc<Self>) -> Option<LinePermit> {
        let mut lines = self.lines.lock();
        let slots = self.door.slots();
        let in_flight = lines.running.len() + lines.leaving;
        if in_flight >= allowed(self.door.occupancy(), self.max) {
            return None;
        }
        let slot = self.door.enter_behind(spare(slots))?;
        let (number, give_up) = (lines.next, CancellationToken::new());
        lines.next += 1;
        lines.running.insert(number, give_up.clone());
        self.in_flight.increment(1.0);
        Some(LinePermit {
            number,
            give_up,
            _slot: slot,
            counted: Counted {
                number,
                gate: Arc::clone(self),
            },
        })
    }
}

/// Lines that may be in flight beside so many requests: all when there are none, a quarter beside some, none while
/// one waits.
fn allowed(door: Occupancy, max: usize) -> usize {
    match door.ongoing - door.behind {
        _ if door.queued > 0 => 0,
        0 => max,
        _ => (max / 4).max(1),
    }
}

/// Slots that stay free for requests that may come.
fn spare(slots: usize) -> usize {
    (slots / 8).max(1).min(slots - 1)
}

impl Lines {
    /// Tells the latest lines to give up, so many as requests wait.
    fn give_up(&mut self, waiting: usize, yielded: &Counter) {
        while self.leaving < waiting
            && let Some((_, line)) = self.running.pop_last()
        {
            line.cancel();
            yielded.increment(1);
            self.leaving += 1;
        }
    }
}

impl LinePermit {
    /// Ends when the line has to give up its slot.
    pub(super) async fn given_up(&self) {
        debug_assert_eq!(self.number, self.counted.number);
        self.give_up.cancelled().await;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut lines = self.gate.lines.lock();
        if lines.running.remove(&self.number).is_none() {
            lines.leaving = lines.leaving.saturating_sub(1);
        }
        self.gate.in_flight.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use futures::FutureExt;

    use super::*;

    fn gate(slots: usize, max: usize) -> (Admission, Arc<Gate>) {
        let door = Admission::new(NonZeroUsize::new(slots).unwrap(), 8);
        let gate = Gate::new(door.clone(), max, Gauge::noop(), Counter::noop());
        (door, Arc::new(gate))
    }

    #[tokio::test]
    async fn lines_fill_an_idle_door_but_for_some_slots() {
        let (_door, gate) = gate(8, 16);
        let mut lines = Vec::new();
        while let Some(Some(line)) = Some(gate.enter().now_or_never()) {
            lines.push(line);
        }
        assert_eq!(lines.len(), 7);
    }

    #[tokio::test]
    async fn few_lines_run_beside_requests_and_none_while_one_waits() {
        let (door, gate) = gate(8, 8);
        let request = door.enter().await.unwrap();
        let lines: Vec<_> = (0..2)
            .map(|_| gate.enter().now_or_never().unwrap())
            .collect();
        assert!(gate.enter().now_or_never().is_none(), "a quarter of 8");
        drop((request, lines));
        let busy: Vec<_> = (0..8)
            .map(|_| door.enter().now_or_never().unwrap())
            .collect();
        assert!(gate.enter().now_or_never().is_none());
        drop(busy);
        assert!(gate.enter().now_or_never().is_some());
    }

    #[tokio::test]
    async fn the_latest_line_gives_way_to_a_request_that_waits() {
        let (door, gate) = gate(2, 8);
        let mut watch = std::pin::pin!(gate.watch());
        assert!(watch.as_mut().now_or_never().is_none());
        let line = gate.enter().now_or_never().unwrap();
        let first = door.enter().await.unwrap();
        let mut second = Box::pin(door.enter());
        assert!(second.as_mut().now_or_never().is_none());
        assert!(line.given_up().now_or_never().is_none());
        assert!(watch.as_mut().now_or_never().is_none());
        assert!(line.given_up().now_or_never().is_some(), "told to go");
        drop(line);
        let second = second.now_or_never().unwrap().unwrap();
        assert!(gate.enter().now_or_never().is_none());
        drop((first, second));
        assert!(gate.enter().now_or_never().is_some(), "and may come back");
    }
}

//! The step's side of the colder tiers: blocks are moved before they are computed on.

use std::time::Duration;

use crate::core::engine_core::Core;
use crate::kv_cache::BlockMove;

impl Core {
    /// Tells the scheduler what the disk's thread has done.
    pub(super) fn hear_of_disk(&mut self) {
        if let (Some(tiers), Some(index)) = (&mut self.tiers, self.scheduler.tiers_mut()) {
            let fetched = tiers.report(self.clock.now(), index);
            let seconds = fetched.silent.as_secs_f64();
            self.scheduler.observe_fetches(fetched.blocks, seconds);
        }
    }

    /// Makes the moves that the plan asks for, and says how long that took.
    pub(super) fn move_blocks(&mut self) -> Duration {
        let moves = self.scheduler.take_moves();
        let Some(tiers) = &mut self.tiers else {
            return Duration::ZERO;
        };
        if moves.is_empty() {
            return Duration::ZERO;
        }
        let began = self.clock.now();
        tiers.run(&moves, began, &mut *self.model);
        let took = self.clock.now().saturating_sub(began);
        let copied = moves
            .iter()
            .filter(|step| matches!(step, BlockMove::Save { .. } | BlockMove::Restore { .. }));
        self.scheduler
            .observe_moves(copied.count(), took.as_secs_f64());
        took
    }

    /// When all that is left waits for blocks from disk, so does the loop.
    pub(super) fn await_disk(&mut self) {
        if let (Some(tiers), Some(index)) = (&mut self.tiers, self.scheduler.tiers_mut())
            && index.is_coming()
        {
            tiers.wait(index);
        }
    }

    /// Writes to disk what only memory has, and ends the disk's thread.
    pub(crate) fn close_tiers(&mut self) {
        let Some(tiers) = self.tiers.take() else {
            return;
        };
        if let Some(index) = self.scheduler.tiers_mut() {
            index.spill_all();
            let moves = index.take_moves();
            tiers.close(&moves);
        }
    }
}

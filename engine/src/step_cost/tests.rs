//! The estimate under made-up machines: exact ones, noisy ones, and ones that change.

use crate::step_cost::{StepCost, Work};

/// A machine whose steps take exactly what its costs say.
#[derive(Clone, Copy)]
struct Machine {
    fixed: f64,
    token: f64,
    logit_row: f64,
    position: f64,
    pair: f64,
}

const LAPTOP: Machine = Machine {
    fixed: 8e-3,
    token: 0.6e-3,
    logit_row: 0.1e-3,
    position: 2e-6,
    pair: 0.5e-6,
};

impl Machine {
    #[expect(clippy::cast_precision_loss, reason = "the test's counts are small")]
    fn seconds(&self, work: &Work) -> f64 {
        self.fixed
            + self.token * work.tokens as f64
            + self.logit_row * work.logit_rows as f64
            + self.position * work.positions_read as f64
            + self.pair * work.pairs as f64
    }

    fn times(self, factor: f64) -> Self {
        Self {
            fixed: self.fixed * factor,
            token: self.token * factor,
            logit_row: self.logit_row * factor,
            position: self.position * factor,
            pair: self.pair * factor,
        }
    }
}

/// `streams` decode at `context`, beside a chunk of a prompt.
fn work(streams: usize, context: usize, chunk: usize, start: usize) -> Work {
    let mut work = Work::default();
    for _ in 0..streams {
        work.add(context, 1, 1);
    }
    if chunk > 0 {
        work.add(start, chunk, 0);
    }
    work
}

/// Steps as a server sees them: prompts alone, prompts beside streams, streams alone.
fn day(step: usize) -> Work {
    match step % 8 {
        0 => work(0, 0, 512, 0),
        1 => work(4, 300 + step, 40, 512),
        2 => work(8, 300 + step, 20 + step % 50, 100),
        3 => work(1, 500, 100, 1000),
        _ => work(8, 300 + step, 0, 0),
    }
}

/// Relative error of the estimate for a few steps that a scheduler may consider.
fn worst_error(cost: &StepCost, machine: Machine) -> f64 {
    let estimate = cost.estimate().unwrap();
    let asked = [
        work(8, 400, 0, 0),
        work(8, 400, 32, 256),
        work(4, 350, 64, 512),
        work(0, 0, 256, 0),
    ];
    let errors = asked.iter().map(|work| {
        let truth = machine.seconds(work);
        (estimate.seconds(work) - truth).abs() / truth
    });
    errors.fold(0.0, f64::max)
}

/// A factor around 1, the same for the same step.
fn noise(step: usize) -> f64 {
    let hash = (step as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    #[expect(clippy::cast_precision_loss, reason = "24 bits")]
    let unit = hash as f64 / f64::from(1 << 24);
    0.9 + 0.2 * unit
}

#[test]
fn nothing_is_said_before_a_step_was_measured() {
    let mut cost = StepCost::new();
    assert_eq!(cost.estimate(), None);
    for (work, seconds) in [
        (work(1, 1, 0, 0), 0.0),
        (work(1, 1, 0, 0), f64::NAN),
        (work(1, 1, 0, 0), -1.0),
        (work(1, 1, 0, 0), f64::INFINITY),
        (Work::default(), 1.0),
    ] {
        cost.observe(&work, seconds);
        assert_eq!(cost.estimate(), None, "{work:?} in {seconds} s");
    }
    let first = work(0, 0, 512, 0);
    cost.observe(&first, 0.4);
    let seconds = cost.estimate().unwrap().seconds(&first);
    assert!((seconds - 0.4).abs() < 1e-9, "{seconds}");
}

#[test]
fn an_exact_machine_is_learnt_whatever_its_speed() {
    for speed in [1.0, 1e-3, 1e3] {
        let machine = LAPTOP.times(speed);
        let mut cost = StepCost::new();
        for step in 0..64 {
            cost.observe(&day(step), machine.seconds(&day(step)));
        }
        let error = worst_error(&cost, machine);
        assert!(error < 0.1, "at {speed}: {error}");
    }
}

#[test]
fn noise_moves_it_little_and_widens_its_caution() {
    let (mut exact, mut noisy) = (StepCost::new(), StepCost::new());
    for step in 0..400 {
        let work = day(step);
        exact.observe(&work, LAPTOP.seconds(&work));
        noisy.observe(&work, LAPTOP.seconds(&work) * noise(step));
        if step > 40 {
            let error = worst_error(&noisy, LAPTOP);
            assert!(error < 0.2, "step {step}: {error}");
        }
    }
    let caution = |cost: &StepCost| {
        let estimate = cost.estimate().unwrap();
        let asked = work(8, 400, 32, 256);
        estimate.cautious_seconds(&asked) / estimate.seconds(&asked)
    };
    assert!(
        (1.0..1.02).contains(&caution(&exact)),
        "{}",
        caution(&exact)
    );
    assert!(
        (1.02..1.2).contains(&caution(&noisy)),
        "{}",
        caution(&noisy)
    );
}

#[test]
fn one_hiccup_is_soon_forgotten() {
    let mut cost = StepCost::new();
    for step in 0..64 {
        cost.observe(&day(step), LAPTOP.seconds(&day(step)));
    }
    cost.observe(&work(8, 400, 32, 256), 3.0);
    for step in 64..96 {
        cost.observe(&day(step), LAPTOP.seconds(&day(step)));
    }
    let error = worst_error(&cost, LAPTOP);
    assert!(error < 0.1, "{error}");
}

#[test]
fn a_lasting_change_is_learnt() {
    let mut cost = StepCost::new();
    for step in 0..64 {
        cost.observe(&day(step), LAPTOP.seconds(&day(step)));
    }
    // Somebody takes a core away.
    let slower = LAPTOP.times(2.0);
    for step in 64..96 {
        cost.observe(&day(step), slower.seconds(&day(step)));
    }
    let error = worst_error(&cost, slower);
    assert!(error < 0.2, "{error}");
}

#[test]
fn long_decoding_does_not_forget_what_prompts_cost() {
    let mut cost = StepCost::new();
    for step in 0..64 {
        cost.observe(&day(step), LAPTOP.seconds(&day(step)));
    }
    for step in 0..2000 {
        let work = work(8, 400 + step / 8, 0, 0);
        cost.observe(&work, LAPTOP.seconds(&work));
    }
    let error = worst_error(&cost, LAPTOP);
    assert!(error < 0.15, "{error}");
}

#[test]
fn more_work_never_costs_less() {
    let mut cost = StepCost::new();
    for step in 0..200 {
        // Times that make no sense at all.
        cost.observe(&day(step), 0.02 * noise(step) * noise(step * 7));
        let estimate = cost.estimate().unwrap();
        let seconds = |chunk| estimate.seconds(&work(4, 200, chunk, 64));
        assert!(seconds(0) > 0.0);
        assert!((1..64).all(|chunk| seconds(chunk) > seconds(chunk - 1)));
    }
}

//! Kernels under the machine's roof: what each reaches of the memory's bandwidth and of the processor's
//! peak, and of the lower of the two, which is the limit for its shape.

use std::cell::RefCell;
use std::fmt::{self, Display};

use criterion::Bencher;
use criterion::measurement::{Measurement, WallTime};

use crate::machine::Machine;

/// All that was measured.
#[derive(Debug)]
pub(crate) struct Roofline {
    machine: Machine,
    threads: usize,
    kernels: RefCell<Vec<Kernel>>,
}

/// What a kernel has to do at least.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    /// Bytes that it reads.
    pub(crate) bytes: u64,
    /// Multiplications and additions.
    pub(crate) operations: u64,
    /// In 8-bit integers; else in `f32`.
    pub(crate) integer: bool,
}

#[derive(Debug)]
struct Kernel {
    name: String,
    work: Work,
    /// Seconds that it took, in each of criterion's samples.
    samples: Vec<f64>,
}

impl Roofline {
    /// Nothing is measured but the machine.
    pub(crate) fn new(machine: Machine, threads: usize) -> Self {
        Self {
            machine,
            threads,
            kernels: RefCell::default(),
        }
    }

    /// Has criterion measure `run`, and keeps what it measures. Criterion calls this for each sample.
    pub(crate) fn iter(
        &self,
        bencher: &mut Bencher<'_>,
        name: &str,
        work: Work,
        mut run: impl FnMut(),
    ) {
        bencher.iter_custom(|iterations| {
            let clock = WallTime;
            let start = clock.start();
            for _ in 0..iterations {
                run();
            }
            let time = clock.end(start);
            self.keep(name, work, time.as_secs_f64() / iterations as f64);
            time
        });
    }

    fn keep(&self, name: &str, work: Work, seconds: f64) {
        let mut kernels = self.kernels.borrow_mut();
        match kernels.iter_mut().find(|kernel| kernel.name == name) {
            Some(kernel) => kernel.samples.push(seconds),
            None => kernels.push(Kernel {
                name: name.to_owned(),
                work,
                samples: vec![seconds],
            }),
        }
    }
}

impl Kernel {
    fn median(&self) -> f64 {
        let mut samples = self.samples.clone();
        samples.sort_by(f64::total_cmp);
        samples[samples.len() / 2]
    }
}

impl Display for Roofline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        let tera = |peak: Option<f64>| match peak {
            Some(peak) => format!("{:.2} T/s", peak / 1e12),
            None => "not measured".to_owned(),
        };
        writeln!(
            f,
            "\nLimits of {} threads: {:.1} GB/s from memory; operations in int8 {}, in f32 {}.\n\
             A kernel's roof is what takes longer: its bytes at this bandwidth, or its operations at this peak.\n",
            self.threads,
            machine.bandwidth / 1e9,
            tera(machine.int8),
            tera(machine.float),
        )?;
        writeln!(
            f,
            "{:<44} {:>10} {:>8} {:>5} {:>8} {:>5} {:>6}",
            "kernel", "us", "GB/s", "", "GOP/s", "", "roof"
        )?;
        for kernel in self.kernels.borrow().iter() {
            let Work {
                bytes,
                operations,
                integer,
            } = kernel.work;
            let seconds = kernel.median();
            let bandwidth = bytes as f64 / seconds;
            let rate = operations as f64 / seconds;
            let peak = if integer { machine.int8 } else { machine.float };
            let of_memory = bandwidth / machine.bandwidth;
            let of_peak = peak.map(|peak| rate / peak);
            let percent = |share: f64| format!("{:.0}%", 100.0 * share);
            writeln!(
                f,
                "{:<44} {:>10.1} {:>8.1} {:>5} {:>8.1} {:>5} {:>6}",
                kernel.name,
                seconds * 1e6,
                bandwidth / 1e9,
                percent(of_memory),
                rate / 1e9,
                of_peak.map_or_else(|| "-".to_owned(), percent),
                percent(of_peak.unwrap_or(0.0).max(of_memory)),
            )?;
        }
        Ok(())
    }
}

//! `num_cpus` and `num_gpus`: what each replica of a deployment reserves.

use super::fault::Faults;
use super::read;
use super::section::Section;
use crate::deployment::machine::{Machine, Resources, Share};

/// Takes the keys from a deployment's section. What no machine like `machine` has is a fault.
pub(super) fn read(keys: &mut Section<'_>, machine: &Machine, f: &mut Faults) -> Resources {
    let amount = |most: &'static str| read::number(most, |v| Share::new(v).is_some());
    let cpus = keys.take("num_cpus", f, amount("a number of CPUs from 0 to 1000000"));
    let gpus = keys.take("num_gpus", f, |node| {
        let expected = "a part of a GPU, from 0 to 1, or a whole number of GPUs";
        let amount = amount(expected)(node)?;
        let fits = amount <= 1.0 || amount.fract() == 0.0;
        fits.then_some(amount).ok_or_else(|| expected.to_owned())
    });
    let share = |amount: Option<f64>| amount.and_then(Share::new).unwrap_or_default();
    let wanted = Resources {
        cpus: share(cpus),
        gpus: share(gpus),
    };
    let parts = [
        (
            "num_cpus",
            Resources {
                gpus: Share::NONE,
                ..wanted
            },
        ),
        (
            "num_gpus",
            Resources {
                cpus: Share::NONE,
                ..wanted
            },
        ),
    ];
    for (key, part) in parts {
        if let (Err(shortage), Some(node)) = (machine.has(part), keys.node(key)) {
            f.note(node.at, format!("`{}`: {shortage}", keys.path(key)));
        }
    }
    wanted
}

//! From the numbers of a formula to whole replicas, and the checks of configured numbers.

use std::time::Duration;

use super::fault::AutoscalingFault;

/// The longest time that a field may say, in seconds: a year.
pub(super) const MOST_SECONDS: f64 = 31_536_000.0;

/// How much above a whole number still counts as that number. A load is a mean over time, so its last
/// digits are noise of the arithmetic: without this, 6.000000000000001 requests would ask for one
/// replica more than 6 do.
const NOISE: f64 = 1e-6;

/// The smallest number of replicas that is not below `x`, but for noise: 0 for what is not above 0,
/// and else at least 1.
pub(super) fn ceil(x: f64) -> u32 {
    if x > 0.0 {
        whole((x - NOISE).ceil()).max(1)
    } else {
        0
    }
}

/// A whole number as replicas, kept within `u32`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from float to integer saturates and takes NaN to 0, as documented"
)]
pub(super) fn whole(x: f64) -> u32 {
    x as u32
}

/// `value` seconds as a time, if above 0.
pub(super) fn positive_seconds(
    field: &'static str,
    value: f64,
    faults: &mut Vec<AutoscalingFault>,
) -> Duration {
    seconds(positive(field, value, MOST_SECONDS, faults))
}

/// `value`, if above 0 and at most `most`; else a fault, and 1 to go on with.
pub(super) fn positive(
    field: &'static str,
    value: f64,
    most: f64,
    faults: &mut Vec<AutoscalingFault>,
) -> f64 {
    if value > 0.0 && value <= most {
        return value;
    }
    faults.push(AutoscalingFault::NotPositive { field, value, most });
    1.0
}

/// `value` seconds as a time, if 0 or above; else a fault, and no time to go on with.
pub(super) fn delay(
    field: &'static str,
    value: f64,
    faults: &mut Vec<AutoscalingFault>,
) -> Duration {
    let most = MOST_SECONDS;
    if value >= 0.0 && value <= most {
        return seconds(value);
    }
    faults.push(AutoscalingFault::OutOfRange { field, value, most });
    Duration::ZERO
}

/// Seconds that were checked, as a time. The nanosecond is kept even where a YAML says less than one.
fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

//! Whether and when a provider is asked again: a pure function.

use std::time::Duration;

use super::trouble::Trouble;

/// Before the first further try; each one after it waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause of our own.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// Longest pause that a provider can ask for; beyond it the client had better ask again itself.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The pause before the next try, of which `tried` were made and `max_retries` may follow the first;
/// `left` is what the request's deadline leaves. `None` gives up.
pub(super) fn pause(
    trouble: &Trouble,
    tried: u32,
    max_retries: u32,
    left: Option<Duration>,
) -> Option<Duration> {
    let Trouble::Passing { retry_after, .. } = trouble else {
        return None;
    };
    if tried > max_retries {
        return None;
    }
    let doubled = 1_u32 << tried.saturating_sub(1).min(8);
    let ours = (FIRST_PAUSE * doubled).min(LONGEST_PAUSE);
    // A provider knows best when it has room.
    let pause = retry_after.unwrap_or(ours);
    let fits = pause <= LONGEST_WAIT && left.is_none_or(|left| pause < left);
    fits.then_some(pause)
}

//! Requests that no replica is given any more.

use std::collections::VecDeque;
use std::time::Duration;

use engine::GenerateRequest;
use parking_lot::Mutex;
use prost::Message;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::wire::from_request;

/// Requests that are remembered at most; the oldest is forgotten first.
const MOST: usize = 1024;
/// How long one is remembered.
const FOR: Duration = Duration::from_secs(600);

/// The requests under which replicas ended.
#[derive(Debug, Default)]
pub(super) struct Quarantine(Mutex<VecDeque<(Fingerprint, Instant)>>);

/// What two requests have in common that ask for the same.
type Fingerprint = [u8; 32];

impl Quarantine {
    /// From now on `request` is refused.
    pub(super) fn add(&self, request: &GenerateRequest) {
        let found = fingerprint(request);
        let mut held = self.0.lock();
        if held.len() == MOST {
            held.pop_front();
        }
        held.push_back((found, Instant::now()));
    }

    /// Whether it is.
    pub(super) fn holds(&self, request: &GenerateRequest) -> bool {
        let mut held = self.0.lock();
        while held
            .front()
            .is_some_and(|(_, since)| since.elapsed() >= FOR)
        {
            held.pop_front();
        }
        if held.is_empty() {
            return false;
        }
        let found = fingerprint(request);
        held.iter().any(|(held, _)| *held == found)
    }
}

/// Another try has another seed, and is the same request all the same; so has another choice.
fn fingerprint(request: &GenerateRequest) -> Fingerprint {
    let mut message = from_request(request, &[], 0);
    message.choice = 0;
    if let Some(sampling) = &mut message.sampling {
        sampling.seed = 0;
        sampling.prompt_logprobs = None;
    }
    Sha256::digest(message.encode_to_vec()).into()
}

//! Batches: files of requests that are answered behind all others, each line once.
//!
//! [`work`] runs beside the server. It takes up every batch that is not done, also those that another process left:
//! it proves the input, answers its lines through the routes that HTTP's requests take, and records each outcome
//! before it counts. Outcomes that come while a transaction is written go into the next one together, so that none
//! waits longer than two of them. When every line has an outcome, the files are written from the records.
//!
//! **Behind all requests.** A line needs a slot that nobody wants ([`gate`]): some always stay free, few lines run
//! while there are requests, and when a request has to wait, a line gives up its slot and is answered later from its
//! beginning.
//!
//! **Crashes.** What was not recorded did not happen: the line is answered again. What was recorded stays.

mod gate;
mod jsonl;
mod line;
mod prove;
mod run;
mod work;

pub(crate) use jsonl::check_jsonl;
pub(crate) use work::{Batches, work};

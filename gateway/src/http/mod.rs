//! What every request meets before and after its route: its id, its terms, its body, what its stages took,
//! and the net that catches panics.

mod body;
mod panic;
mod request_id;
mod server_timing;
mod terms;

pub(crate) use body::JsonBody;
pub(crate) use panic::answer_panic;
pub(crate) use request_id::{RequestId, X_REQUEST_ID, request_id};
pub(crate) use server_timing::with_server_timing;
pub(crate) use terms::{Deadline, Terms, X_SESSION_ID, id_of};

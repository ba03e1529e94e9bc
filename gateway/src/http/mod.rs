//! What every request meets before and after its route: its id, its body, and the net that catches
//! panics.

mod body;
mod panic;
mod request_id;
mod routing;

pub(crate) use body::JsonBody;
pub(crate) use panic::answer_panic;
pub(crate) use request_id::{RequestId, X_REQUEST_ID, request_id};
pub(crate) use routing::RoutingHeaders;

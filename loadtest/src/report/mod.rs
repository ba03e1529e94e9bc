//! What was measured: kept, compared by medians, printed as a table and written as JSON.

mod comparison;
mod json;
mod measurements;
mod table;

pub(crate) use json::write_json;
pub(crate) use measurements::{Measurement, Report};

//! Requests, from bytes to proved values or to errors that name the field.

mod accepted;
mod documented;
mod mutated;
mod refused;

use super::Rules;

/// The rules of a server with default configuration.
const LENIENT: Rules = Rules {
    strict: false,
    max_choices: 128,
};

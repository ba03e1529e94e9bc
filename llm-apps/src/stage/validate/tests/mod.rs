//! Rules one by one, remedies, and answers that are checked on their way.

mod fixture;
mod remedies;
mod rules;
mod spans;
mod streams;

//! The embedded store: what it keeps, finds, bounds and refuses.

mod kept;
mod killed;
mod near;
mod random;
mod random_numbers;

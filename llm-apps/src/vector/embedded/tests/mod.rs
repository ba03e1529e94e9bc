//! The embedded store: what it keeps, bounds and refuses.

//! One contract, two stores.

//! The program against real servers: two databases per test, both sides looked
//! at before and after.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

mod concurrency;
mod conflicts;
mod conversions;
mod cursor;
mod firm;
mod keys;
mod look;
mod metadata;
mod names;
mod office;
mod sources;
mod types;
mod values;

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

mod batch;
mod concurrency;
mod conflicts;
mod cursor;
mod firm;
mod forward;
mod metadata;
mod mirror;
mod office;
mod output;
mod told;

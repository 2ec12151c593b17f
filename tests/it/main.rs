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
mod branches;
mod check;
mod columns;
mod concurrency;
mod conflicts;
mod connections;
mod conversions;
mod cursor;
mod explain;
mod firm;
mod forward;
mod forward_columns;
mod forward_faults;
mod forward_keys;
mod forward_names;
mod forward_order;
#[cfg(unix)]
mod forward_pooler;
mod forward_types;
mod fuzzed;
mod harm;
mod house;
mod init;
mod interruption;
mod json;
mod keys;
mod logs;
mod look;
mod metadata;
mod mirror;
mod mirror_changes;
mod moved;
mod names;
#[cfg(unix)]
mod notices;
mod office;
mod output;
#[cfg(unix)]
mod pooler;
mod ranges;
mod rejects;
mod retries;
mod schedule;
mod secrets;
mod smuggling;
mod sources;
mod status;
mod told;
mod types;
mod values;
mod verify;

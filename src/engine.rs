//! One sync engine for both directions.
//!
//! - [`plan`]: decides, without I/O: catalogs and configuration to table plans
//! - [`read_point`]: the snapshot, the horizon, the source's identity
//! - [`target`]: the side that is written to, and its transactions
//! - [`diff`]: compares both sides without moving the tables
//! - [`apply`]: does what was decided, a checkpoint at a time
//! - [`verify`]: compares both sides and writes nothing
//! - [`explain`]: what became of one row, and what will
//! - [`shapes`]: the shapes of all tables, from both catalogs
//! - [`inspection`]: what can be known of a pair before a run; reads only
//! - [`run`]: a run from read point to summary
//! - [`tally`]: what became of the pairs, over all attempts of a run
//! - [`pending`]: what waits for the next run, without a run
//! - [`event`]: what it tells while it works
//! - [`stop`]: whether somebody has asked it to stop
//!
//! The engine speaks of source and target. It knows no terminal, and not
//! which of both sides is the cloud.

pub mod apply;
pub mod diff;
pub mod event;
pub mod explain;
pub mod inspection;
pub mod pending;
pub mod plan;
pub mod read_point;
pub mod run;
pub mod shapes;
pub mod stop;
pub mod tally;
pub mod target;
pub mod trouble;
pub mod verify;

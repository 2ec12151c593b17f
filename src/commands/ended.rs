//! How a run ended: as an exit code, in a word, in figures.

use crate::engine::apply::Done;
use crate::engine::event::Outcome;
use crate::error::{Error, Exit, Kind};
use crate::metadata::ledger::RunEnd;

/// What is noted of it.
#[must_use]
pub fn figures(outcomes: &[Outcome], interrupted_in: Option<usize>) -> RunEnd<'static> {
    let sum = |figure: fn(&Done) -> u64| outcomes.iter().map(|outcome| figure(&outcome.done)).sum();
    RunEnd {
        result: result(outcomes, interrupted_in),
        inserted: sum(|done| done.inserted),
        updated: sum(|done| done.updated),
        deleted: sum(|done| done.deleted),
        rejected: sum(|done| done.rejected),
        failed_tables: outcomes.iter().filter(|outcome| outcome.failure.is_some()).count(),
    }
}

/// The run's result, in one word.
fn result(outcomes: &[Outcome], interrupted_in: Option<usize>) -> &'static str {
    match exit(outcomes, interrupted_in) {
        Exit::Interrupted => "interrupted",
        Exit::Done if !outcomes.is_empty() => "ok",
        Exit::Rejected => "rejected",
        _ => "failed",
    }
}

/// An interruption decides, else the worst that happened to a table. `left` is
/// how many pairs an interruption has left.
#[must_use]
pub fn exit(outcomes: &[Outcome], left: Option<usize>) -> Exit {
    let was_stopped = |outcome: &Outcome| {
        outcome.failure.as_ref().is_some_and(|error| error.kind() == Kind::Interrupted)
    };
    if left.is_some_and(|left| left > 0) || outcomes.iter().any(was_stopped) {
        return Exit::Interrupted;
    }
    let kinds = || outcomes.iter().filter_map(|outcome| outcome.failure.as_ref()).map(Error::kind);
    if kinds().any(|kind| kind != Kind::Safety) {
        Exit::TableFailed
    } else if kinds().next().is_some() {
        Exit::Safety
    } else if outcomes.iter().any(|outcome| outcome.done.rejected > 0) {
        Exit::Rejected
    } else {
        Exit::Done
    }
}

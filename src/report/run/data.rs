//! A run, told to programs.

use super::{Effect, Opening};
use crate::engine::apply::Done;
use crate::engine::event::Outcome;
use crate::error::Kind;
use crate::metadata::Direction;
use crate::report::error_data;
use crate::report::figures::thousandths;
use serde_json::{Value, json};

pub(super) fn started(opening: &Opening<'_>) -> Value {
    let end = |end: &(&'static str, String)| json!({ "side": end.0, "address": end.1 });
    json!({
        "message_type": "run_started",
        "run": opening.run,
        "direction": opening.direction.word(),
        "from": end(&opening.from),
        "to": end(&opening.to),
        "tables": opening.tables,
        "dry_run": opening.effect == Effect::DryRun,
    })
}

pub(super) fn table(run: &str, direction: Direction, outcome: &Outcome) -> Value {
    let done = &outcome.done;
    let result = match &outcome.failure {
        Some(error) if error.kind() == Kind::Interrupted => "interrupted",
        Some(_) => "failed",
        None if done.rejected > 0 => "rejected",
        None => "ok",
    };
    json!({
        "message_type": "table",
        "run": run,
        "direction": direction.word(),
        "table": outcome.table,
        "result": result,
        "how": outcome.how.as_ref().map(ToString::to_string),
        "checked": outcome.checked,
        "new": done.new,
        "inserted": done.inserted,
        "updated": done.updated,
        "deleted": done.deleted,
        "protected": done.protected,
        "rejected": done.rejected,
        "seconds": thousandths(outcome.elapsed),
        "updated_keys": outcome.updated_keys,
        "rejects": outcome.rejects,
        "error": outcome.failure.as_ref().map(error_data),
    })
}

/// `left` is how many tables an interruption has left.
pub(super) fn summary(run: &str, outcomes: &[Outcome], read_point: &str, left: usize) -> Value {
    let sum =
        |figure: fn(&Done) -> u64| -> u64 { outcomes.iter().map(|one| figure(&one.done)).sum() };
    let failed = |error: &crate::error::Error| error.kind() != Kind::Interrupted;
    let failed = outcomes.iter().filter(|one| one.failure.as_ref().is_some_and(failed)).count();
    json!({
        "runs": [run],
        "tables": outcomes.len(),
        "tables_failed": failed,
        "tables_left": left,
        "read_point": read_point,
        "checked": outcomes.iter().map(|one| one.checked).sum::<u64>(),
        "inserted": sum(|done| done.inserted),
        "updated": sum(|done| done.updated),
        "deleted": sum(|done| done.deleted),
        "protected": sum(|done| done.protected),
        "rejected": sum(|done| done.rejected),
    })
}

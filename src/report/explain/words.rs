//! The sentences of an explanation: why a row is where it is, and what the
//! next run makes of it. Pure.

use crate::engine::explain::Account;
use crate::engine::explain::fate::{Fate, Step};
use crate::metadata::Direction;
use crate::report::figures::of;

/// Source and target.
pub fn sides(direction: Direction) -> (&'static str, &'static str) {
    match direction {
        Direction::Reverse => ("cloud", "desktop"),
        Direction::Forward => ("desktop", "cloud"),
    }
}

/// Why it is where it is.
pub fn why(account: &Account) -> String {
    let (source, target) = sides(account.direction);
    let direction = account.direction.word();
    match account.fate {
        Fate::Nowhere => nowhere(account),
        Fate::OnlyOnTarget if account.direction == Direction::Reverse => {
            format!("The {source} does not have it, so there is nothing to bring.")
        }
        Fate::OnlyOnTarget => {
            format!("Only the {target} has it, and it is no phone's. An upsert never deletes.")
        }
        Fate::OnlyOnTargetAsItsOwn => {
            format!("It belongs to the phones, and {direction} does not touch their rows.")
        }
        Fate::Filtered => {
            format!("The {source} has it, but where in the configuration leaves it out.")
        }
        Fate::Echo => format!("The {source}'s row came from the {target}, and is not sent back."),
        Fate::AlreadyThere => {
            format!("The {target} has this key already, and {direction} never changes a row there.")
        }
        Fate::Delivered => delivered(account),
        Fate::Equal => "Both sides hold the same.".to_owned(),
        Fate::Protected => format!(
            "It belongs to the phones. Somebody has changed it on the {source}, but the {target} \
             keeps its own."
        ),
        Fate::GoneOnTarget => format!(
            "It came from the {target}, where somebody has deleted it. It is not sent back."
        ),
        Fate::Conflict => "Two people have given this number to different rows (a key conflict). \
                           Neither is touched."
            .to_owned(),
        Fate::Duplicate => {
            let rows = account.source.iter().filter(|row| row.in_scope).count();
            format!(
                "{} of the {source} share this key, and none of them is carried (on_duplicate).",
                of(rows as u64, "row")
            )
        }
        Fate::Rejected(_) => format!("The {target} has not taken it."),
        Fate::Next(step) => of_step(account, step),
        Fate::OnlyInFull(step) => only_in_full(account, step),
    }
}

fn nowhere(account: &Account) -> String {
    match &account.delivered {
        None => "Neither side has a row with this key.".to_owned(),
        Some(delivered) => format!(
            "It was brought to the desktop on {} UTC, and the cloud does not have it any more.",
            delivered.at
        ),
    }
}

fn delivered(account: &Account) -> String {
    let at = account.delivered.as_ref().map_or("?", |delivered| &delivered.at);
    format!(
        "It was brought to the desktop on {at} UTC. If it is not there, somebody has deleted it \
         there; it is not brought again."
    )
}

fn of_step(account: &Account, step: Step) -> String {
    let (source, target) = sides(account.direction);
    match step {
        Step::Insert => format!("The {target} does not have it yet."),
        Step::Update => format!("Both sides have it, with different values{}.", named(account)),
        Step::Delete if account.source.iter().any(|row| row.in_scope) => {
            format!("The {target} has more copies of it than the {source}.")
        }
        Step::Delete => format!("The {target} has it, and the {source} does not (any more)."),
    }
}

fn only_in_full(account: &Account, step: Step) -> String {
    let (source, target) = sides(account.direction);
    match step {
        Step::Insert => format!(
            "The {target} does not have it, and it was dealt with before: somebody has deleted it \
             there, or its reject was forgotten."
        ),
        Step::Update | Step::Delete => format!(
            "The two differ{}, but the {source}'s row has not changed since the last run: somebody \
             has changed the {target}'s.",
            named(account)
        ),
    }
}

fn named(account: &Account) -> String {
    match account.differing.as_slice() {
        [] => String::new(),
        columns => format!(" ({})", columns.join(", ")),
    }
}

/// What the next run of this direction does with it.
pub fn next(account: &Account) -> String {
    let (source, target) = sides(account.direction);
    let (direction, table) = (account.direction.word(), &account.table);
    match account.fate {
        Fate::Nowhere => "has nothing to do".to_owned(),
        Fate::Conflict => {
            "keeps both rows as they are and lists it as rejected, until one of them gets another \
             key"
            .to_owned()
        }
        Fate::Duplicate => format!(
            "lists it as rejected, until all but one of the rows get another key on the {source}"
        ),
        Fate::Rejected(step) => format!("tries again: {}", does(step, source, target)),
        Fate::Next(step) => does(step, source, target),
        Fate::OnlyInFull(_) => {
            format!("does not look at it; this does: pgsync {direction} --full {table}")
        }
        Fate::OnlyOnTarget
        | Fate::OnlyOnTargetAsItsOwn
        | Fate::Filtered
        | Fate::Echo
        | Fate::AlreadyThere
        | Fate::Delivered
        | Fate::Equal
        | Fate::Protected
        | Fate::GoneOnTarget => "leaves it as it is".to_owned(),
    }
}

fn does(step: Step, source: &str, target: &str) -> String {
    match step {
        Step::Insert => format!("inserts it on the {target}"),
        Step::Update => format!("writes the {source}'s values into the {target}'s row"),
        Step::Delete => format!("deletes it on the {target}, if max_delete allows"),
    }
}

/// A fate in a word, for programs.
pub fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Nowhere => "nowhere",
        Fate::OnlyOnTarget => "only_on_target",
        Fate::OnlyOnTargetAsItsOwn => "owned_by_target",
        Fate::Filtered => "filtered",
        Fate::Echo => "echo",
        Fate::AlreadyThere => "already_there",
        Fate::Delivered => "delivered",
        Fate::Equal => "equal",
        Fate::Protected => "protected",
        Fate::GoneOnTarget => "gone_on_target",
        Fate::Conflict => "conflict",
        Fate::Duplicate => "duplicate",
        Fate::Rejected(_) => "rejected",
        Fate::Next(Step::Insert) => "insert",
        Fate::Next(Step::Update) => "update",
        Fate::Next(Step::Delete) => "delete",
        Fate::OnlyInFull(_) => "only_in_full",
    }
}

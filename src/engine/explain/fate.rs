//! What a run does with a row, from all that is known of it. Pure.
//!
//! The rules are those of `apply`, for the rows with one key.

use crate::config::Mode;
use crate::db::sql::mapping::Existence;

/// What is known of the rows with a key.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    pub mode: Mode,
    pub existence: Existence,
    /// Rows of the source, and those of them that are in scope.
    pub source: u64,
    pub in_scope: u64,
    /// The source's rows were written by a run of ours.
    pub is_echo: bool,
    /// A row in scope belongs to the source alone.
    pub owned: bool,
    /// A row in scope came from the target.
    pub came_back: bool,
    /// Whether the source knows which rows came from there.
    pub origin_is_known: bool,
    /// The key was delivered to the target.
    pub delivered: bool,
    /// Rows of the target, and those that are not ours to touch.
    pub target: u64,
    pub protected: u64,
    /// Rows in scope that no row of the target equals, and the other way round.
    pub lacking: u64,
    pub surplus: u64,
    /// Several rows have the key, and none of them may be carried.
    pub is_duplicate: bool,
    pub rejected: bool,
    /// The next incremental run looks at it.
    pub is_looked_at: bool,
}

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Neither side has it.
    Nowhere,
    /// The target has it alone, and keeps it.
    OnlyOnTarget,
    /// The target has it alone; it is the target's own.
    OnlyOnTargetAsItsOwn,
    /// The filter leaves it out.
    Filtered,
    /// It came from the target, which is not told its own rows.
    Echo,
    /// The target has the key, and keeps its row.
    AlreadyThere,
    /// The key was delivered before, and is not brought again.
    Delivered,
    /// Both sides hold the same.
    Equal,
    /// The target's own row keeps its values.
    Protected,
    /// It came from the target, where it is gone; it is not sent back.
    GoneOnTarget,
    /// Two people have taken the same number.
    Conflict,
    /// Several rows of the source share the key.
    Duplicate,
    /// It was refused, and is tried again.
    Rejected(Step),
    /// The next run does it.
    Next(Step),
    /// Only a full run would do it: it was written before the watermark.
    OnlyInFull(Step),
}

/// What a run does to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Insert,
    Update,
    Delete,
}

/// Decides.
#[must_use]
pub fn fate(known: &Known) -> Fate {
    match known.mode {
        Mode::Off | Mode::InsertMissing => inserted(known),
        Mode::Upsert => upserted(known),
        Mode::Mirror => mirrored(known),
    }
}

fn step(known: &Known, step: Step) -> Fate {
    if known.rejected {
        Fate::Rejected(step)
    } else if known.is_looked_at {
        Fate::Next(step)
    } else {
        Fate::OnlyInFull(step)
    }
}

/// Where the source has nothing to bring.
fn not_to_bring(known: &Known) -> Option<Fate> {
    match (known.source, known.in_scope, known.target) {
        (0, _, 0) => Some(Fate::Nowhere),
        (0, _, all) if known.protected == all => Some(Fate::OnlyOnTargetAsItsOwn),
        (0, ..) => Some(Fate::OnlyOnTarget),
        (_, 0, _) if known.mode == Mode::Mirror && known.is_echo => Some(Fate::Echo),
        (_, 0, _) => Some(Fate::Filtered),
        _ => None,
    }
}

fn inserted(known: &Known) -> Fate {
    if let Some(fate) = not_to_bring(known) {
        return fate;
    }
    let in_ledger = known.existence == Existence::InLedger;
    if in_ledger && known.delivered {
        Fate::Delivered
    } else if in_ledger || known.target == 0 {
        step(known, Step::Insert)
    } else if known.owned && !known.delivered && known.lacking > 0 {
        Fate::Conflict
    } else {
        Fate::AlreadyThere
    }
}

fn upserted(known: &Known) -> Fate {
    if let Some(fate) = not_to_bring(known) {
        return fate;
    }
    if known.is_duplicate {
        Fate::Duplicate
    } else if known.target == 0 && known.came_back {
        Fate::GoneOnTarget
    } else if known.target == 0 {
        step(known, Step::Insert)
    } else if known.lacking == 0 {
        Fate::Equal
    } else if known.protected == 0 {
        step(known, Step::Update)
    } else if known.came_back || !known.origin_is_known {
        Fate::Protected
    } else {
        Fate::Conflict
    }
}

/// The target's own rows stand beside. A mirror compares whole tables as soon
/// as one side has moved, whatever the watermark.
fn mirrored(known: &Known) -> Fate {
    let known = &Known { is_looked_at: true, ..*known };
    match (known.lacking, known.surplus) {
        (0, 0) if known.in_scope > 0 => Fate::Equal,
        (0, 0) => not_to_bring(known).unwrap_or(Fate::Nowhere),
        (0, _) => Fate::Next(Step::Delete),
        (_, 0) => step(known, Step::Insert),
        _ => step(known, Step::Update),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row that the source has and the target has not, and a run will see.
    fn new(mode: Mode) -> Known {
        Known {
            mode,
            existence: Existence::InTable,
            source: 1,
            in_scope: 1,
            is_echo: false,
            owned: false,
            came_back: false,
            origin_is_known: true,
            delivered: false,
            target: 0,
            protected: 0,
            lacking: 1,
            surplus: 0,
            is_duplicate: false,
            rejected: false,
            is_looked_at: true,
        }
    }

    const MODES: [Mode; 3] = [Mode::InsertMissing, Mode::Upsert, Mode::Mirror];

    #[test]
    fn what_is_new_comes_with_the_next_run() {
        for mode in MODES {
            assert_eq!(fate(&new(mode)), Fate::Next(Step::Insert));
            let rejected = Known { rejected: true, ..new(mode) };
            assert_eq!(fate(&rejected), Fate::Rejected(Step::Insert));
            let nowhere = Known { source: 0, in_scope: 0, lacking: 0, ..new(mode) };
            assert_eq!(fate(&nowhere), Fate::Nowhere);
            let filtered = Known { in_scope: 0, lacking: 0, ..new(mode) };
            assert_eq!(fate(&filtered), Fate::Filtered);
        }
    }

    #[test]
    fn what_was_written_before_the_watermark_waits_for_a_full_run() {
        let old = |mode| Known { is_looked_at: false, ..new(mode) };
        assert_eq!(fate(&old(Mode::InsertMissing)), Fate::OnlyInFull(Step::Insert));
        let differs = Known { target: 1, surplus: 1, ..old(Mode::Upsert) };
        assert_eq!(fate(&differs), Fate::OnlyInFull(Step::Update));
        // A mirror looks at everything.
        assert_eq!(fate(&old(Mode::Mirror)), Fate::Next(Step::Insert));
    }

    #[test]
    fn reverse_leaves_alone_what_is_there() {
        let there = Known { target: 1, surplus: 1, ..new(Mode::InsertMissing) };
        assert_eq!(fate(&there), Fate::AlreadyThere);
        let owned = Known { owned: true, ..there };
        assert_eq!(fate(&owned), Fate::Conflict);
        assert_eq!(fate(&Known { delivered: true, ..owned }), Fate::AlreadyThere);
        assert_eq!(fate(&Known { lacking: 0, ..owned }), Fate::AlreadyThere);
        let ledger = Known { existence: Existence::InLedger, ..new(Mode::InsertMissing) };
        assert_eq!(fate(&ledger), Fate::Next(Step::Insert));
        assert_eq!(fate(&Known { delivered: true, ..ledger }), Fate::Delivered);
    }

    #[test]
    fn upsert_leaves_alone_what_is_not_the_sources() {
        let there = Known { target: 1, surplus: 1, ..new(Mode::Upsert) };
        assert_eq!(fate(&there), Fate::Next(Step::Update));
        assert_eq!(fate(&Known { lacking: 0, surplus: 0, ..there }), Fate::Equal);
        let theirs = Known { protected: 1, surplus: 0, ..there };
        assert_eq!(fate(&theirs), Fate::Conflict);
        assert_eq!(fate(&Known { came_back: true, ..theirs }), Fate::Protected);
        assert_eq!(fate(&Known { origin_is_known: false, ..theirs }), Fate::Protected);
        let gone = Known { came_back: true, ..new(Mode::Upsert) };
        assert_eq!(fate(&gone), Fate::GoneOnTarget);
        let twice = Known { is_duplicate: true, in_scope: 2, ..new(Mode::Upsert) };
        assert_eq!(fate(&twice), Fate::Duplicate);
        let alone = Known { source: 0, in_scope: 0, ..there };
        assert_eq!(fate(&alone), Fate::OnlyOnTarget);
        assert_eq!(fate(&Known { protected: 1, ..alone }), Fate::OnlyOnTargetAsItsOwn);
    }

    #[test]
    fn a_mirror_makes_both_sides_the_same() {
        let there = Known { target: 1, surplus: 1, ..new(Mode::Mirror) };
        assert_eq!(fate(&there), Fate::Next(Step::Update));
        assert_eq!(fate(&Known { lacking: 0, surplus: 0, ..there }), Fate::Equal);
        let gone = Known { source: 0, in_scope: 0, lacking: 0, ..there };
        assert_eq!(fate(&gone), Fate::Next(Step::Delete));
        let phones = Known { protected: 1, surplus: 0, ..gone };
        assert_eq!(fate(&phones), Fate::OnlyOnTargetAsItsOwn);
        let echo = Known { source: 1, is_echo: true, ..phones };
        assert_eq!(fate(&echo), Fate::Echo);
    }
}

//! What became of the pairs of a run, over all of its attempts.
//!
//! It stays when an attempt is abandoned half-way, and asks no server.

use crate::db::failure::Failure;
use crate::engine::apply::Done;
use crate::engine::event::{Event, Observer, Outcome};
use crate::engine::plan::Pair;
use crate::error::Error;
use std::collections::HashMap;

/// Pairs that are done, and pairs that are not.
#[derive(Debug, Default)]
pub struct Tally {
    outcomes: Vec<Outcome>,
    /// What was committed of pairs that are not done.
    begun: HashMap<String, Done>,
    /// Why pairs were put off in this attempt.
    put_off: Vec<(String, Error)>,
}

impl Tally {
    /// Pairs that are done, for better or worse.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// The pairs that are not done yet.
    #[must_use]
    pub fn left(&self, pairs: &[Pair]) -> Vec<Pair> {
        let is_done = |pair: &Pair| self.outcomes.iter().any(|outcome| outcome.table == pair.name);
        pairs.iter().filter(|pair| !is_done(pair)).cloned().collect()
    }

    /// How much has been done: it grows with every pair and every row.
    #[must_use]
    pub fn progress(&self) -> u64 {
        let rows = |done: &Done| done.inserted + done.updated + done.deleted;
        let begun: u64 = self.begun.values().map(rows).sum();
        begun + self.outcomes.iter().map(|outcome| rows(&outcome.done) + 1).sum::<u64>()
    }

    /// Whether no pair was touched in any attempt.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outcomes.is_empty() && self.begun.is_empty()
    }

    /// Forgets why pairs were put off before.
    pub fn begin_attempt(&mut self) {
        self.put_off.clear();
    }

    /// Puts a pair off: what stopped it may pass.
    pub fn put_off(&mut self, table: &str, done: Done, error: Error) {
        self.keep(table, done);
        self.put_off.push((table.to_owned(), error));
    }

    /// Keeps what was committed of a pair that will be taken up again.
    pub fn keep(&mut self, table: &str, done: Done) {
        let begun = self.begun.entry(table.to_owned()).or_default();
        *begun = sum(*begun, done);
    }

    /// Whether a pair was put off because a connection is gone.
    #[must_use]
    pub fn has_lost_the_link(&self) -> bool {
        let lost = |error| Failure::behind(error).is_some_and(Failure::loses_the_link);
        self.put_off.iter().any(|(_, error)| lost(error))
    }

    /// Why the first pair was put off.
    #[must_use]
    pub fn first_put_off(&self) -> Option<&Error> {
        self.put_off.first().map(|(_, error)| error)
    }

    /// Why this pair was put off.
    pub fn take_put_off(&mut self, table: &str) -> Option<Error> {
        let at = self.put_off.iter().position(|(name, _)| name == table)?;
        Some(self.put_off.swap_remove(at).1)
    }

    /// Closes a pair, with what earlier attempts have done for it.
    pub fn close(&mut self, mut outcome: Outcome, observer: &dyn Observer) {
        let begun = self.begun.remove(&outcome.table).unwrap_or_default();
        outcome.done = sum(begun, outcome.done);
        observer.hear(Event::Finished(&outcome));
        self.outcomes.push(outcome);
    }
}

/// What two attempts have done. What they found in the way is counted once:
/// the later one has met all of it.
fn sum(earlier: Done, later: Done) -> Done {
    Done {
        new: earlier.new + later.new,
        inserted: earlier.inserted + later.inserted,
        updated: earlier.updated + later.updated,
        deleted: earlier.deleted + later.deleted,
        ..later
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    struct Nobody;

    impl Observer for Nobody {
        fn hear(&self, _: Event<'_>) {}
    }

    #[test]
    fn what_was_committed_before_a_failure_is_counted() {
        let mut tally = Tally::default();
        let lost = || {
            Error::new(Kind::Table, "could not read t")
                .because(Failure::Connection("gone".to_owned()))
        };
        let done = |inserted| Done { inserted, rejected: 1, ..Done::default() };
        tally.put_off("t", done(5), lost());
        assert!(tally.has_lost_the_link() && !tally.is_empty());
        assert_eq!(tally.progress(), 5);
        tally.begin_attempt();
        assert!(!tally.has_lost_the_link());
        let error = Error::new(Kind::Table, "x");
        let outcome = Outcome { done: done(2), ..Outcome::unread("t", error) };
        tally.close(outcome, &Nobody);
        assert_eq!((tally.outcomes()[0].done, tally.progress()), (done(7), 8));
    }
}

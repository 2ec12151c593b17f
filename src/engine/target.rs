//! The target side of a run, and the transactions that write to it.
//!
//! Everything that belongs together is one checkpoint: rows, delivered keys,
//! own writes and watermark become final together, or none of them.
//!
//! In a real run a checkpoint is a transaction. A dry run is one transaction
//! as a whole, of which every checkpoint is a part, so that a child sees the
//! parent that would have come before it.

use crate::db::connection::{Row, Session};
use crate::db::failure::{Failure, Result};
use crate::db::sql::Sql;
use crate::db::sql::session::{
    Pins, begin_checkpoint, begin_writing, commit, keep_checkpoint, rollback, undo_checkpoint,
};
use crate::engine::stop::Stop;
use crate::metadata::migrations::Side;

/// The side that is written to.
pub struct Target {
    pub session: Session,
    pub side: Side,
    pub pins: Pins,
    pub ending: Ending,
    rehearsal: Rehearsal,
    stop: Stop,
}

/// How a checkpoint that went well ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Commit,
    /// A dry run: the same path, undone at the end. `preparation` makes our own
    /// tables within the transaction, where they are not there yet.
    Rollback {
        preparation: Option<String>,
    },
}

/// Whether the one transaction of a dry run is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rehearsal {
    NotBegun,
    Open,
}

impl Ending {
    /// Whether our own tables can be read outside of a transaction of ours.
    #[must_use]
    pub fn has_metadata(&self) -> bool {
        !matches!(self, Self::Rollback { preparation: Some(_) })
    }
}

impl Target {
    #[must_use]
    pub fn new(session: Session, side: Side, pins: Pins, ending: Ending, stop: Stop) -> Self {
        Self { session, side, pins, ending, rehearsal: Rehearsal::NotBegun, stop }
    }

    /// Begins a checkpoint, with `first` in the same round trip; the rows that
    /// this answers are the last ones.
    ///
    /// # Errors
    /// When the server refuses, or we were asked to stop; no checkpoint is
    /// open then.
    pub async fn begin(&mut self, first: Sql) -> Result<Vec<Row>> {
        if self.stop.is_asked() {
            return Err(Failure::Stopped);
        }
        let opening = match self.ending {
            Ending::Commit => begin_writing(&self.pins),
            Ending::Rollback { .. } => {
                self.rehearse().await?;
                begin_checkpoint()
            }
        };
        let outcome = self.session.rows(&Sql::batch([opening, first])).await;
        self.or_undo(outcome).await
    }

    /// Begins the one transaction of a dry run, before its first checkpoint.
    async fn rehearse(&mut self) -> Result<()> {
        if self.rehearsal == Rehearsal::Open {
            return Ok(());
        }
        let mut opening = vec![begin_writing(&self.pins)];
        if let Ending::Rollback { preparation: Some(statements) } = &self.ending {
            opening.push(Sql::new(statements.trim_end_matches([';', '\n']).to_owned()));
        }
        match self.session.execute(&Sql::batch(opening)).await {
            Ok(()) => {
                self.rehearsal = Rehearsal::Open;
                Ok(())
            }
            Err(failure) => {
                self.leave().await;
                Err(failure)
            }
        }
    }

    /// Ends a checkpoint, with `last` in the same round trip.
    ///
    /// # Errors
    /// When the server refuses; everything is undone then.
    pub async fn finish(&mut self, last: Sql) -> Result<Vec<Row>> {
        let ending = match self.ending {
            Ending::Commit => commit(),
            Ending::Rollback { .. } => keep_checkpoint(),
        };
        let outcome = self.session.rows(&Sql::batch([last, ending])).await;
        self.or_undo(outcome).await
    }

    /// Undoes the open checkpoint.
    ///
    /// # Errors
    /// When the connection is gone; the server has undone it then.
    pub async fn undo(&mut self) -> Result<()> {
        let undoing = match self.rehearsal {
            Rehearsal::NotBegun => rollback(),
            Rehearsal::Open => undo_checkpoint(),
        };
        self.session.execute(&undoing).await
    }

    /// Asks outside of a checkpoint, with our settings.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn ask(&mut self, question: &Sql) -> Result<Vec<Row>> {
        let (opening, ending) = match self.rehearsal {
            Rehearsal::NotBegun => (begin_writing(&self.pins), commit()),
            Rehearsal::Open => (begin_checkpoint(), keep_checkpoint()),
        };
        let sql = Sql::batch([opening, question.clone(), ending]);
        let outcome = self.session.rows(&sql).await;
        self.or_undo(outcome).await
    }

    /// Ends the transaction of a dry run, and with it all that it holds.
    pub async fn leave(&mut self) {
        if self.ending == Ending::Commit || !self.session.is_usable() {
            return;
        }
        self.rehearsal = Rehearsal::NotBegun;
        if let Err(failure) = self.session.execute(&rollback()).await {
            tracing::debug!("the rollback was refused: {failure}");
        }
    }

    /// After an error in a batch the server waits for the end of the
    /// transaction; without it every later statement would be refused.
    async fn or_undo<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let Err(Failure::Server(_)) = &outcome
            && let Err(failure) = self.undo().await
        {
            tracing::debug!("the rollback was refused: {failure}");
        }
        outcome
    }
}

//! The target side of a run, and the transactions that write to it.
//!
//! Everything that belongs together is one transaction: rows, delivered keys,
//! own writes and watermark become final in one commit, or none of them.

use crate::db::connection::{Row, Session};
use crate::db::failure::{Failure, Result};
use crate::db::sql::Sql;
use crate::db::sql::session::{Pins, begin_writing, commit, rollback};
use crate::metadata::migrations::Side;

/// The side that is written to.
pub struct Target {
    pub session: Session,
    pub side: Side,
    pub pins: Pins,
    pub ending: Ending,
}

/// How a transaction that went well ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Commit,
    /// A dry run: the same path, undone at the last step. `preparation` makes
    /// our own tables within the transaction, where they are not there yet.
    Rollback {
        preparation: Option<String>,
    },
}

impl Ending {
    /// Whether our own tables can be read outside of a transaction of ours.
    #[must_use]
    pub fn has_metadata(&self) -> bool {
        !matches!(self, Self::Rollback { preparation: Some(_) })
    }
}

impl Target {
    /// Begins a transaction, with `first` in the same round trip; the rows that
    /// this answers are the last ones.
    ///
    /// # Errors
    /// When the server refuses; no transaction is open then.
    pub async fn begin(&mut self, first: Sql) -> Result<Vec<Row>> {
        let mut opening = vec![begin_writing(&self.pins)];
        if let Ending::Rollback { preparation: Some(statements) } = &self.ending {
            opening.push(Sql::new(statements.trim_end_matches([';', '\n']).to_owned()));
        }
        opening.push(first);
        let outcome = self.session.rows(&Sql::batch(opening)).await;
        self.or_undo(outcome).await
    }

    /// Ends a transaction, with `last` in the same round trip.
    ///
    /// # Errors
    /// When the server refuses; everything is undone then.
    pub async fn finish(&mut self, last: Sql) -> Result<Vec<Row>> {
        let ending = match self.ending {
            Ending::Commit => commit(),
            Ending::Rollback { .. } => rollback(),
        };
        let outcome = self.session.rows(&Sql::batch([last, ending])).await;
        self.or_undo(outcome).await
    }

    /// Undoes the open transaction.
    ///
    /// # Errors
    /// When the connection is gone; the server has undone it then.
    pub async fn undo(&mut self) -> Result<()> {
        self.session.execute(&rollback()).await
    }

    /// Asks in a transaction of its own, with our settings.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn ask(&mut self, question: &Sql) -> Result<Vec<Row>> {
        let sql = Sql::batch([begin_writing(&self.pins), question.clone(), commit()]);
        let outcome = self.session.rows(&sql).await;
        self.or_undo(outcome).await
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

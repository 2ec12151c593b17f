//! The one door to COPY.
//!
//! Rows travel as the server wrote them: nothing here decodes a value. The
//! statements come from `db::sql` only, because sqlx does not guard them.
//!
//! Three traps of sqlx's COPY are closed in here:
//! - after a refused or dropped COPY OUT the session is out of step, so a
//!   started stream is always read to its end, and a refused one marks the
//!   session (see `connection`);
//! - `send` does not notice that the server has given up, so the verdict is
//!   that of `finish`;
//! - sqlx yields a message per row and flushes on every `send`, so rows are
//!   gathered first.

use crate::db::connection::{Session, State};
use crate::db::failure::{Failure, Result};
use crate::db::sql::Sql;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use sqlx::postgres::{PgConnection, PgCopyIn};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Bytes gathered before they are sent on: larger is no faster.
const BATCH_BYTES: usize = 256 * 1024;

/// Batches that may wait between reader and writer; bounds the memory.
const BATCHES_IN_FLIGHT: usize = 8;

/// How the rows are spelled on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Readable by columns of another type; converts rightly or refuses.
    Text,
    /// Half the servers' work, but only between identical built-in types.
    Binary,
}

/// On which side a copy failed.
#[derive(Debug)]
pub enum CopyFailure {
    Source(Failure),
    Target(Failure),
}

/// What a run hears while rows are moving: how many more have been read.
pub type Progress<'a> = &'a (dyn Fn(u64) + Sync);

/// Both statements of a copy, in the one format that they agree on.
#[derive(Debug, Clone)]
pub struct Copy {
    pub out: Sql,
    pub into: Sql,
    pub format: Format,
}

/// Streams rows out of `source` and into `target`; returns how many.
///
/// Reading and writing run at the same time. Memory is bounded by
/// [`BATCHES_IN_FLIGHT`] batches, plus the longest row.
///
/// # Errors
/// Which side refused, and why. Nothing was kept on the target then, and its
/// transaction has to be rolled back.
pub async fn relay(
    source: &mut Session,
    target: &mut Session,
    copy: &Copy,
    progress: Progress<'_>,
) -> Result<u64, CopyFailure> {
    let (sink, _) = target.for_copy().map_err(CopyFailure::Target)?;
    let sink = sink.copy_in_raw(copy.into.as_str()).await.map_err(target_failed)?;
    let rows = match Rows::open(source, &copy.out).await {
        Ok(rows) => rows,
        Err(failure) => {
            sink.abort("the source refused").await.map_err(target_failed)?;
            return Err(CopyFailure::Source(failure));
        }
    };
    let (sender, receiver) = channel(BATCHES_IN_FLIGHT);
    let reading = read_all(rows, sender, copy.format, progress);
    let (read, written) = tokio::join!(reading, write_all(sink, receiver));
    compare(read.map_err(CopyFailure::Source)?, written.map_err(CopyFailure::Target)?)
}

fn target_failed(error: sqlx::Error) -> CopyFailure {
    CopyFailure::Target(error.into())
}

/// Sends rows that are in memory already, in text; returns how many came in.
///
/// # Errors
/// When the server refuses one of them.
pub async fn send(target: &mut Session, into: &Sql, rows: &[Bytes]) -> Result<u64> {
    let (connection, _) = target.for_copy()?;
    let mut sink = connection.copy_in_raw(into.as_str()).await?;
    sink.send(rows.concat()).await?;
    Ok(sink.finish().await?)
}

/// A trigger on the target may drop rows without a word.
fn compare(sent: u64, received: u64) -> Result<u64, CopyFailure> {
    if sent == received {
        return Ok(received);
    }
    Err(CopyFailure::Target(Failure::Unexpected(format!(
        "{sent} rows were sent, but the table took {received}: a trigger or rule drops rows"
    ))))
}

/// The rows of a COPY OUT, a message each, as the server wrote them.
///
/// The session is out of step until the last row has been read, so a stream
/// that is dropped half-way leaves a session that refuses to answer.
pub struct Rows<'a> {
    stream: BoxStream<'a, sqlx::Result<Bytes>>,
    state: &'a mut State,
}

impl<'a> Rows<'a> {
    /// Starts a COPY OUT.
    ///
    /// # Errors
    /// When the server refuses the statement; the session is given up then.
    pub async fn open(session: &'a mut Session, sql: &Sql) -> Result<Self> {
        tracing::trace!(target: "pgsync::sql", "{sql}");
        let (connection, state) = session.for_copy()?;
        *state = State::OutOfStep;
        let stream = connection.copy_out_raw(sql.as_str()).await?;
        Ok(Self { stream, state })
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// When the server stops in the middle; the session stays usable if it
    /// said so itself.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        match self.stream.next().await {
            Some(Ok(row)) => Ok(Some(row)),
            None => {
                *self.state = State::Usable;
                Ok(None)
            }
            Some(Err(error @ sqlx::Error::Database(_))) => {
                *self.state = State::Usable;
                Err(error.into())
            }
            Some(Err(error)) => Err(error.into()),
        }
    }

    /// Reads what is left and throws it away, to keep the session usable.
    ///
    /// # Errors
    /// As [`Rows::next`].
    pub async fn drain(&mut self) -> Result<()> {
        while self.next().await?.is_some() {}
        Ok(())
    }
}

/// What the reader hands to the writer. A channel that closes without `End`
/// means that the source failed.
enum Batch {
    Rows(Bytes),
    End,
}

/// Reads every row and hands them on in batches; returns how many there were.
///
/// When the writer has gone, the rest is read and thrown away.
async fn read_all(
    mut rows: Rows<'_>,
    sender: Sender<Batch>,
    format: Format,
    progress: Progress<'_>,
) -> Result<u64> {
    let mut batch = BytesMut::with_capacity(BATCH_BYTES);
    let (mut messages, mut reported) = (0_u64, 0_u64);
    while let Some(row) = rows.next().await? {
        messages += 1;
        batch.extend_from_slice(&row);
        if batch.len() >= BATCH_BYTES {
            progress(messages - reported);
            reported = messages;
            let full = std::mem::replace(&mut batch, BytesMut::with_capacity(BATCH_BYTES));
            if sender.send(Batch::Rows(full.freeze())).await.is_err() {
                rows.drain().await?;
                return Ok(messages);
            }
        }
    }
    progress(messages - reported);
    for last in [Batch::Rows(batch.freeze()), Batch::End] {
        // A writer that has gone has its own error to tell.
        drop(sender.send(last).await);
    }
    Ok(row_count(messages, format))
}

/// In binary the header rides with the first row (or with the trailer), and
/// the trailer is a message of its own.
///
/// Source: <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format"
fn row_count(messages: u64, format: Format) -> u64 {
    match format {
        Format::Text => messages,
        Format::Binary => messages.saturating_sub(1),
    }
}

async fn write_all(
    mut sink: PgCopyIn<&mut PgConnection>,
    mut batches: Receiver<Batch>,
) -> Result<u64> {
    while let Some(batch) = batches.recv().await {
        match batch {
            Batch::Rows(rows) => {
                sink.send(rows).await?;
            }
            Batch::End => return Ok(sink.finish().await?),
        }
    }
    sink.abort("the source failed").await?;
    Ok(0)
}

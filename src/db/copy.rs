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
use crate::failpoint::{self, Point};
use crate::ident::literal;
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
    pub into: Into,
    pub format: Format,
}

/// Where rows go: a table and its columns, both quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Into {
    pub table: String,
    pub columns: String,
}

/// Streams rows out of `source` and into `target`; returns how many.
///
/// Reading and writing run at the same time. Memory is bounded by a few
/// batches of rows, plus the longest row.
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
    let mut reader = Reader::open(source, copy, progress).await.map_err(CopyFailure::Source)?;
    let first = reader.batch(FEW_BYTES).await.map_err(CopyFailure::Source)?;
    failpoint::at(Point::BatchRead);
    if reader.at_end
        && copy.format == Format::Text
        && count_values(&first) <= FEW_VALUES
        && let Ok(lines) = std::str::from_utf8(&first)
    {
        let inserted = insert_few(target, &copy.into, lines).await.map_err(CopyFailure::Target)?;
        failpoint::at(Point::BatchWritten);
        return compare(reader.messages, inserted);
    }
    let sink = match begin(target, &copy.into, copy.format).await {
        Ok(sink) => sink,
        Err(failure) => {
            reader.drain().await.map_err(CopyFailure::Source)?;
            return Err(CopyFailure::Target(failure));
        }
    };
    let (sender, receiver) = channel(BATCHES_IN_FLIGHT);
    let reading = reader.send_all(first, sender);
    let (read, written) = tokio::join!(reading, write_all(sink, receiver));
    failpoint::at(Point::BatchWritten);
    compare(read.map_err(CopyFailure::Source)?, written.map_err(CopyFailure::Target)?)
}

async fn begin<'a>(
    target: &'a mut Session,
    into: &Into,
    format: Format,
) -> Result<PgCopyIn<&'a mut PgConnection>> {
    let options = match format {
        Format::Text => "",
        Format::Binary => " (format binary)",
    };
    let sql = Sql::new(format!("copy {} ({}) from stdin{options}", into.table, into.columns));
    let (connection, _) = target.for_copy()?;
    Ok(connection.copy_in_raw(sql.as_str()).await?)
}

/// Up to this many values go in by INSERT instead of COPY.
///
/// sqlx does not switch off Nagle's algorithm, so the small messages that end
/// a short COPY wait for the other side's delayed acknowledgement: 40 ms on
/// Linux, even on one machine, against some 15 ms of work for an INSERT of so many.
pub const FEW_VALUES: usize = 10_000;

/// Up to this many bytes are held until it is known how many values there are.
const FEW_BYTES: usize = 1 << 20;

/// A tab inside a value is escaped, so every tab ends a value.
fn count_values(lines: &[u8]) -> usize {
    lines.iter().filter(|&&byte| byte == b'\t' || byte == b'\n').count()
}

/// The values are literals without a type, so the column's own input function
/// reads them, exactly as COPY would have it read them. Returns how many rows
/// the table took: a trigger or a rule may drop one.
///
/// A statement is UTF-8; a server without an encoding may send other bytes,
/// and those only COPY can hand on.
async fn insert_few(target: &mut Session, into: &Into, lines: &str) -> Result<u64> {
    let rows: Vec<String> =
        lines.split_inclusive('\n').map(|line| format!("({})", values(line).join(", "))).collect();
    if rows.is_empty() {
        return Ok(0);
    }
    let (table, columns) = (&into.table, &into.columns);
    let rows = rows.join(",\n");
    let insert = format!(
        "with inserted as (insert into {table} ({columns}) overriding system value values\n{rows}\n\
         returning 1) select count(*) from inserted"
    );
    target.row(&Sql::new(insert)).await?.number(0)
}

/// The values of a line in COPY's text format, as literals.
///
/// Source: <https://www.postgresql.org/docs/current/sql-copy.html>, "Text Format"
fn values(line: &str) -> Vec<String> {
    line.strip_suffix('\n').unwrap_or(line).split('\t').map(value).collect()
}

fn value(field: &str) -> String {
    if field == "\\N" {
        return "null".to_owned();
    }
    let mut text = String::with_capacity(field.len());
    let mut letters = field.chars();
    while let Some(letter) = letters.next() {
        text.push(if letter == '\\' { unescaped(letters.next()) } else { letter });
    }
    literal(&text)
}

/// The server writes these escapes and no others; a backslash it doubles.
fn unescaped(letter: Option<char>) -> char {
    match letter {
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('v') => '\u{b}',
        Some(other) => other,
        None => '\\',
    }
}

/// Sends rows that are in memory already, in text; returns how many came in.
///
/// # Errors
/// When the server refuses one of them.
pub async fn send(target: &mut Session, into: &Into, rows: &[Bytes]) -> Result<u64> {
    let mut sink = begin(target, into, Format::Text).await?;
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

/// Gathers the rows of a COPY OUT into batches.
struct Reader<'a> {
    rows: Rows<'a>,
    format: Format,
    progress: Progress<'a>,
    messages: u64,
    at_end: bool,
}

impl<'a> Reader<'a> {
    async fn open(source: &'a mut Session, copy: &Copy, progress: Progress<'a>) -> Result<Self> {
        let rows = Rows::open(source, &copy.out).await?;
        Ok(Self { rows, format: copy.format, progress, messages: 0, at_end: false })
    }

    /// The next rows, about so many bytes of them.
    async fn batch(&mut self, bytes: usize) -> Result<Bytes> {
        let before = self.messages;
        let mut batch = BytesMut::new();
        while batch.len() < bytes {
            let Some(row) = self.rows.next().await? else {
                self.at_end = true;
                break;
            };
            self.messages += 1;
            if batch.is_empty() {
                batch.reserve(BATCH_BYTES + row.len());
            }
            batch.extend_from_slice(&row);
        }
        (self.progress)(self.messages - before);
        Ok(batch.freeze())
    }

    /// Hands every batch on, from the one that is read already; returns how
    /// many rows there were. When the writer has gone, the rest is read and
    /// thrown away.
    async fn send_all(mut self, first: Bytes, sender: Sender<Batch>) -> Result<u64> {
        let mut batch = first;
        loop {
            if sender.send(Batch::Rows(batch)).await.is_err() {
                self.drain().await?;
                break;
            }
            if self.at_end {
                // A writer that has gone has its own error to tell.
                drop(sender.send(Batch::End).await);
                break;
            }
            batch = self.batch(BATCH_BYTES).await?;
        }
        Ok(row_count(self.messages, self.format))
    }

    async fn drain(&mut self) -> Result<()> {
        if self.at_end { Ok(()) } else { self.rows.drain().await }
    }
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
            Batch::Rows(rows) if rows.is_empty() => {}
            Batch::Rows(rows) => {
                sink.send(rows).await?;
            }
            Batch::End => return Ok(sink.finish().await?),
        }
    }
    sink.abort("the source failed").await?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_copy_becomes_literals() {
        let line = "1\t\\N\t\ta\\tb\\\\N\\nc\tit's \u{bae}\t\\\\.\n";
        assert_eq!(values(line), ["'1'", "null", "''", "'a\tb\\N\nc'", "'it''s \u{bae}'", "'\\.'"]);
    }

    #[test]
    fn the_trailer_of_binary_is_no_row() {
        assert_eq!(row_count(3, Format::Text), 3);
        assert_eq!((row_count(1, Format::Binary), row_count(4, Format::Binary)), (0, 3));
    }
}

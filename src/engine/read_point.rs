//! The source side of a run: one snapshot, its horizon, and whose they are.

use crate::db::connection::{Row, Session};
use crate::db::failure::Result;
use crate::db::sql::Sql;
use crate::db::sql::changed::Echoes;
use crate::db::sql::session::{
    Pins, begin_reading, notice_dead_links, release_savepoint, rollback_to_savepoint, savepoint,
};
use crate::metadata::migrations::Side;

/// The side that is read, within one snapshot.
pub struct Source {
    pub session: Session,
    pub side: Side,
    pub point: ReadPoint,
}

/// The instant at which a run reads the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPoint {
    /// The oldest transaction that was unfinished: every row version that
    /// this snapshot does not see carries this id or a later one.
    pub horizon: u64,
    /// The id that the next transaction gets.
    pub next_xid: u64,
    /// The source's clock, in UTC with microseconds.
    pub clock: String,
    /// Server, timeline and database, e.g. `system 7;timeline 1;database 5`.
    pub identity: String,
    /// What of the identity the role may not see, a sentence.
    pub gap: Option<String>,
    pub echoes: Echoes,
    pub ledger: Ledger,
}

/// Whether the source knows which of its rows came from the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ledger {
    /// `pgsync.delivered_keys` is there and readable.
    Readable,
    Absent,
}

impl Source {
    /// Begins the transaction that reads, and takes its snapshot.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn open(mut session: Session, side: Side, pins: &Pins) -> Result<Self> {
        let opening =
            Sql::batch([begin_reading(pins), Sql::new(POINT), notice_dead_links(), savepoint()]);
        let row = session.row(&opening).await?;
        let (system, gap) = match session.row(&Sql::new(SYSTEM)).await {
            Ok(system) => (system_of(&system)?, None),
            Err(failure) if failure.sqlstate() == Some(NO_RIGHT) => {
                session.execute(&rollback_to_savepoint()).await?;
                ("system ?;timeline ?".to_owned(), Some(GAP.to_owned()))
            }
            Err(failure) => return Err(failure),
        };
        let point = point(&row, &system, gap)?;
        Ok(Self { session, side, point })
    }

    /// Takes the snapshot up again after a COPY out of it was refused: until
    /// then the server refuses everything, and every later pair would fail.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn recover(&mut self) -> Result<()> {
        self.session.execute(&rollback_to_savepoint()).await
    }

    /// Asks within the snapshot; a refused question does not end it.
    ///
    /// # Errors
    /// When the server refuses the question.
    pub async fn ask(&mut self, question: &Sql) -> Result<Vec<Row>> {
        let sql = Sql::batch([savepoint(), question.clone(), release_savepoint()]);
        match self.session.rows(&sql).await {
            Ok(rows) => Ok(rows),
            Err(failure) => {
                if failure.sqlstate().is_some() {
                    self.session.execute(&rollback_to_savepoint()).await?;
                }
                Err(failure)
            }
        }
    }
}

/// `insufficient_privilege`
const NO_RIGHT: &str = "42501";

const GAP: &str = "the role may not call pg_control_system() and pg_control_checkpoint(), \
so a restored server can only be told by its transaction counter";

/// The snapshot comes first: it fixes what the run sees.
///
/// Source: <https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT>
const POINT: &str = "\
select pg_snapshot_xmin(s), pg_snapshot_xmax(s),
  to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00'),
  (select oid from pg_database where datname = current_database()),
  coalesce(has_schema_privilege(to_regnamespace('pgsync'), 'usage')
    and has_table_privilege(to_regclass('pgsync.own_writes'), 'select'), false),
  coalesce(has_schema_privilege(to_regnamespace('pgsync'), 'usage')
    and has_table_privilege(to_regclass('pgsync.delivered_keys'), 'select'), false)
from pg_current_snapshot() as s";

const SYSTEM: &str = "\
select s.system_identifier, c.timeline_id
from pg_control_system() as s, pg_control_checkpoint() as c";

fn system_of(row: &Row) -> Result<String> {
    Ok(format!("system {};timeline {}", row.text(0)?, row.text(1)?))
}

fn point(row: &Row, system: &str, gap: Option<String>) -> Result<ReadPoint> {
    Ok(ReadPoint {
        horizon: row.number(0)?,
        next_xid: row.number(1)?,
        clock: row.text(2)?.to_owned(),
        identity: format!("{system};database {}", row.text(3)?),
        gap,
        echoes: if row.flag(4) { Echoes::LeftOut } else { Echoes::Unknown },
        ledger: if row.flag(5) { Ledger::Readable } else { Ledger::Absent },
    })
}

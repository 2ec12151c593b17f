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
    /// Server, timeline, database, last crash and the oldest id that the next
    /// one can give out again, e.g.
    /// `system 7;timeline 1;database 5;recovery 20260301,730`.
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
            Ok(system) => (System::read(&system)?, None),
            Err(failure) if failure.sqlstate() == Some(NO_RIGHT) => {
                session.execute(&rollback_to_savepoint()).await?;
                (System::unknown(), Some(GAP.to_owned()))
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

/// The snapshot comes first: it fixes what the run sees. The last answer is
/// another one after a crash:
///
/// 1. A transaction writes and rolls back; nobody waits until the disk has it.
/// 2. A run reads; the horizon is the id behind that transaction.
/// 3. The power fails, and with it goes all that was known of that id.
/// 4. The next writer gets it again: his rows are older than the horizon.
///
/// A server throws its statistics away when it recovers, and keeps them when
/// it was stopped in order. No id is given out again that is older than the
/// last checkpoint's next one.
///
/// Source: <https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT>
const POINT: &str = "\
select pg_snapshot_xmin(s), pg_snapshot_xmax(s),
  to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00'),
  (select oid from pg_database where datname = current_database()),
  coalesce(has_schema_privilege(to_regnamespace('pgsync'), 'usage')
    and has_table_privilege(to_regclass('pgsync.own_writes'), 'select'), false),
  coalesce(has_schema_privilege(to_regnamespace('pgsync'), 'usage')
    and has_table_privilege(to_regclass('pgsync.delivered_keys'), 'select'), false),
  (select to_char(stats_reset at time zone 'UTC', 'YYYYMMDDHH24MISSUS') from pg_stat_bgwriter)
from pg_current_snapshot() as s";

const SYSTEM: &str = "\
select s.system_identifier, c.timeline_id,
  (split_part(c.next_xid, ':', 1)::bigint << 32) + split_part(c.next_xid, ':', 2)::bigint
from pg_control_system() as s, pg_control_checkpoint() as c";

/// What only some roles may ask.
struct System {
    name: String,
    checkpoint: String,
}

impl System {
    fn read(row: &Row) -> Result<Self> {
        let name = format!("system {};timeline {}", row.text(0)?, row.text(1)?);
        Ok(Self { name, checkpoint: row.text(2)?.to_owned() })
    }

    fn unknown() -> Self {
        Self { name: "system ?;timeline ?".to_owned(), checkpoint: "?".to_owned() }
    }
}

fn point(row: &Row, system: &System, gap: Option<String>) -> Result<ReadPoint> {
    Ok(ReadPoint {
        horizon: row.number(0)?,
        next_xid: row.number(1)?,
        clock: row.text(2)?.to_owned(),
        identity: format!(
            "{};database {};recovery {},{}",
            system.name,
            row.text(3)?,
            row.get(6).unwrap_or("?"),
            system.checkpoint
        ),
        gap,
        echoes: if row.flag(4) { Echoes::LeftOut } else { Echoes::Unknown },
        ledger: if row.flag(5) { Ledger::Readable } else { Ledger::Absent },
    })
}

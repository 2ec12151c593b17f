//! One run at a time per desktop and direction.
//!
//! A session advisory lock on the desktop, which is always a direct
//! connection: the server frees it when the session ends, however it ends. That
//! it ends soon after our machine has gone, and not in hours, is asked of the
//! server for the whole session, since it is idle between two transactions.
//!
//! Source: <https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS>

use crate::db::connection::{Row, Session};
use crate::db::failure::Result;
use crate::db::sql::Sql;
use crate::metadata::Direction;
use std::fmt;
use std::time::Duration;

/// The first half of our lock numbers: `pgsy` in ASCII.
const OURS: i32 = 0x7067_7379;

/// Who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub pid: String,
    pub application: String,
    pub since: String,
    pub address: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, application, since, address } = self;
        write!(f, "{application}, since {since}, from {address}, server process {pid}")
    }
}

/// How often a lock that is held is asked for again, and after which pause.
///
/// A run that has just ended says goodbye and goes, and the server frees its
/// lock a moment later: the next run must not take it for a run at work.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// Takes the lock if it is free; else says who holds it.
///
/// # Errors
/// When the server refuses.
pub async fn try_take(desktop: &mut Session, direction: Direction) -> Result<Option<Holder>> {
    let number = number(direction);
    let take = Sql::new(format!("select pg_try_advisory_lock({OURS}, {number})"));
    desktop.execute(&keep_alive()).await?;
    for _ in 0..TRIES {
        if desktop.row(&take).await?.flag(0) {
            return Ok(None);
        }
        tokio::time::sleep(PAUSE).await;
    }
    let rows = desktop.rows(&who(number)).await?;
    Ok(Some(holder_of(rows.first())))
}

/// Lets go of every lock that the session holds, and of its transaction. The
/// server does so by itself, but some time after we have gone: who looks at
/// once would still see us at work.
///
/// # Errors
/// When the connection is gone.
pub async fn release(desktop: &mut Session) -> Result<()> {
    desktop.execute(&Sql::new("rollback;\nselect pg_advisory_unlock_all()")).await
}

/// Who holds the lock, without asking for it.
///
/// # Errors
/// When the server refuses.
pub async fn holder(desktop: &mut Session, direction: Direction) -> Result<Option<Holder>> {
    let rows = desktop.rows(&who(number(direction))).await?;
    Ok(rows.first().map(|row| holder_of(Some(row))))
}

fn holder_of(row: Option<&Row>) -> Holder {
    let word = |index| row.and_then(|row| row.get(index)).unwrap_or("unknown").to_owned();
    Holder { pid: word(0), application: word(1), since: word(2), address: word(3) }
}

/// As long as a session holds the lock, its server must not take our silence
/// amiss, and must notice our end.
fn keep_alive() -> Sql {
    Sql::new(
        "set idle_session_timeout = 0; set tcp_keepalives_idle = '20s'; \
         set tcp_keepalives_interval = '10s'; \
         select where case when version() !~* 'windows|visual c|mingw' then concat( \
         set_config('tcp_keepalives_count', '3', false), \
         set_config('tcp_user_timeout', '50s', false)) = '' end",
    )
}

fn number(direction: Direction) -> i32 {
    match direction {
        Direction::Reverse => 1,
        Direction::Forward => 2,
    }
}

fn who(number: i32) -> Sql {
    Sql::new(format!(
        "select a.pid, a.application_name, \
         to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS \"UTC\"'), \
         coalesce(host(a.client_addr), 'this machine') \
         from pg_locks as l join pg_stat_activity as a on a.pid = l.pid \
         where l.locktype = 'advisory' and l.granted and l.objsubid = 2 \
         and l.classid::bigint = {OURS} and l.objid::bigint = {number} \
         and l.database = (select oid from pg_database where datname = current_database())"
    ))
}

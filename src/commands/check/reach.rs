//! Opens one side for reading, and asks it about itself. What is good or bad
//! about the answers is not decided here.

use crate::commands::connect;
use crate::config::Config;
use crate::db::connection::Session;
use crate::db::failure::Result as Answer;
use crate::db::server::{self, Server};
use crate::engine::inspection::Inspection;
use crate::engine::read_point::Source;
use crate::error::{Error, Kind, Result};
use crate::metadata::Direction;
use crate::metadata::lock::{self, Holder};
use crate::metadata::migrations::{self, Side};
use crate::metadata::watermark::{self, Watermarks};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const APPLICATION: &str = "pgsync check";

/// How long one statement over the users' rows may take.
const STATEMENT: Duration = Duration::from_secs(10);

/// How long all of them together may take in a direction.
const TOGETHER: Duration = Duration::from_secs(45);

/// A side that answers, or why it does not.
pub(super) enum Reached {
    Up(Box<Up>),
    Down(Error),
}

/// A side that answers.
pub(super) struct Up {
    pub(super) source: Source,
    pub(super) server: Server,
    pub(super) round_trip: Duration,
    pub(super) route: Route,
    /// How far its clock is ahead of this machine's, in seconds.
    pub(super) ahead: f64,
    pub(super) own_tables: OwnTables,
    /// The lock of each direction; on the desktop only.
    pub(super) locks: Vec<(Direction, Answer<Option<Holder>>)>,
}

/// Whether somebody stands between us and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Direct,
    Pooler,
}

/// Our own tables on a side.
pub(super) enum OwnTables {
    /// Nothing of ours is there.
    Absent,
    /// So many migrations have to be made.
    Pending(usize),
    /// With the watermarks of the direction that is kept there.
    Ready(Watermarks),
    /// They are there, and the role may not use them.
    Forbidden,
    Refused(crate::db::failure::Failure),
}

impl Up {
    /// For questions about rows, which may take so long only.
    pub(super) fn inspection(&mut self) -> Inspection<'_> {
        Inspection { side: &mut self.source, until: Instant::now() + TOGETHER }
    }
}

/// Opens a side, and asks.
pub(super) async fn side(config: &Config, side: Side) -> Reached {
    match open(config, side).await {
        Ok(up) => Reached::Up(Box::new(up)),
        Err(error) => Reached::Down(error),
    }
}

async fn open(config: &Config, side: Side) -> Result<Up> {
    let began = Instant::now();
    let mut session = connect::open(config, side, APPLICATION).await?;
    let introduced = introduce(&mut session, began).await;
    let (server, round_trip, route, ahead) = introduced.map_err(|failure| silent(side, failure))?;
    let mut pins = connect::pins(config, side, APPLICATION);
    pins.statement_timeout = Some(pins.statement_timeout.map_or(STATEMENT, |at| at.min(STATEMENT)));
    let source = Source::open(session, side, &pins).await;
    let mut source = source.map_err(|failure| silent(side, failure))?;
    let own_tables = own_tables(&mut source, side).await;
    let mut locks = Vec::new();
    if side == Side::Desktop {
        for direction in [Direction::Reverse, Direction::Forward] {
            locks.push((direction, lock::holder(&mut source.session, direction).await));
        }
    }
    Ok(Up { source, server, round_trip, route, ahead, own_tables, locks })
}

fn silent(side: Side, failure: crate::db::failure::Failure) -> Error {
    let zone = failure.sqlstate() == Some("22023");
    let kind = if zone { Kind::Usage } else { Kind::Start };
    let error = Error::new(kind, format!("could not begin to read on the {}", side.word()));
    error.because(failure).hint(if zone {
        "correct desktop_time_zone in the configuration"
    } else {
        "run again: pgsync check"
    })
}

/// Several round trips: the quickest is the line's own time.
async fn introduce(
    session: &mut Session,
    began: Instant,
) -> Answer<(Server, Duration, Route, f64)> {
    const TIMES: usize = 3;
    let mut quickest = Duration::MAX;
    let mut servers: Vec<Server> = Vec::new();
    let mut ahead = 0.0;
    for _ in 0..TIMES {
        let asked = Instant::now();
        servers.push(server::look(session).await?);
        let took = asked.elapsed();
        if let Some(server) = servers.last().filter(|_| took < quickest) {
            quickest = took;
            ahead = server.clock - (now() - took.as_secs_f64() / 2.0);
        }
    }
    let route = route(&servers, began.elapsed());
    let server = servers.pop().unwrap_or_else(|| unreachable!("it was asked {TIMES} times"));
    Ok((server, quickest, route, ahead))
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// A server's process that was there before we came, or that is another one
/// the next time, serves a pooler.
fn route(servers: &[Server], since_we_began: Duration) -> Route {
    /// A process that was made for us may say a little more than we measured.
    const SLACK: f64 = 0.5;
    let is_older = |one: &Server| one.process_age > since_we_began.as_secs_f64() + SLACK;
    let changes = servers
        .windows(2)
        .any(|two| matches!(two, [before, after] if before.process != after.process));
    if changes || servers.iter().any(is_older) { Route::Pooler } else { Route::Direct }
}

async fn own_tables(source: &mut Source, side: Side) -> OwnTables {
    match try_own_tables(&mut source.session, side).await {
        Ok(own_tables) => own_tables,
        Err(failure) => match source.recover().await {
            Ok(()) | Err(_) if failure.sqlstate() == Some("42501") => OwnTables::Forbidden,
            Ok(()) | Err(_) => OwnTables::Refused(failure),
        },
    }
}

async fn try_own_tables(session: &mut Session, side: Side) -> Answer<OwnTables> {
    let pending = migrations::pending(session, side).await?;
    let kept = match side {
        Side::Desktop => Direction::Reverse,
        Side::Cloud => Direction::Forward,
    };
    Ok(if pending.len() == migrations::count(side) {
        OwnTables::Absent
    } else if !pending.is_empty() {
        OwnTables::Pending(pending.len())
    } else if migrations::are_usable(session).await? {
        OwnTables::Ready(watermark::read(session, kept).await?)
    } else {
        OwnTables::Forbidden
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::commands::check) fn server(process: u64, process_age: f64) -> Server {
        Server {
            version: "17.6".to_owned(),
            version_number: 170_006,
            process,
            process_age,
            clock: 0.0,
            role: "me".to_owned(),
            superuser: false,
            sees_every_row: false,
            may_create: true,
            takes_changes: true,
        }
    }

    #[test]
    fn a_process_that_is_older_than_we_or_changes_serves_a_pooler() {
        let second = Duration::from_secs(1);
        assert_eq!(route(&[server(1, 0.9), server(1, 1.0)], second), Route::Direct);
        assert_eq!(route(&[server(1, 0.9), server(2, 0.1)], second), Route::Pooler);
        assert_eq!(route(&[server(1, 60.0)], second), Route::Pooler);
    }
}

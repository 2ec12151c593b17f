//! What is good or bad about a side: connection, role, clock, our own tables,
//! lock. Pure.

use crate::commands::check::reach::{OwnTables, Reached, Route, Up};
use crate::commands::check::tell::{Teller, here, in_section, on};
use crate::commands::connect;
use crate::config::{Config, Connection, SslMode};
use crate::db::failure::Result as Answer;
use crate::db::server::Server;
use crate::error::{Error, Kind};
use crate::ident::Ident;
use crate::metadata::Direction;
use crate::metadata::lock::Holder;
use crate::metadata::migrations::Side;
use crate::report::check::{About, Finding};

/// The oldest server that runs are made for.
const OLDEST: u32 = 140_000;

/// How far clocks may be apart before somebody should know, in seconds.
const CLOCKS_APART: f64 = 5.0;

/// What is to be said about a side.
pub(super) fn told(config: &Config, side: Side, reached: &Reached) -> Vec<Finding> {
    let mut teller = Teller::new(About::Side(side), None);
    match reached {
        Reached::Down(error) => down(&mut teller, error),
        Reached::Up(up) => {
            let settings = connect::connection(config, side);
            connection(&mut teller, side, settings, up);
            role(&mut teller, side, up);
            clock(&mut teller, up.ahead);
            own_tables(&mut teller, side, &up.own_tables, &up.server);
            for (direction, holder) in &up.locks {
                lock(&mut teller, *direction, holder);
            }
        }
    }
    teller.findings
}

fn down(teller: &mut Teller, error: &Error) {
    let todo = here(error.advice().unwrap_or("run again: pgsync check"));
    match error.kind() {
        Kind::Usage => teller.misconfigured("connection", error.one_line(), todo),
        _ => teller.not_started("connection", error.one_line(), todo),
    }
}

fn connection(teller: &mut Teller, side: Side, settings: &Connection, up: &Up) {
    let (server, section) = (&up.server, format!("[{}]", side.word()));
    let route = match up.route {
        Route::Direct => "direct",
        Route::Pooler => "through a pooler",
    };
    let trip = up.round_trip.as_secs_f64() * 1_000.0;
    let (transport, verified) = transport(settings);
    let text =
        format!("PostgreSQL {}, {route}, {transport}, {trip:.1} ms a round trip", server.version);
    match verified {
        Verified::Yes => teller.ok("connection", text),
        Verified::No => {
            let line = "sslmode = \"verify-full\"";
            teller.warn("connection", text, in_section(&section, line));
        }
    }
    if server.version_number < OLDEST {
        let text = format!("PostgreSQL {} is older than 14", server.version);
        teller.not_started("version", text, here("update that server to PostgreSQL 14 or newer"));
    }
    if side == Side::Desktop && up.route == Route::Pooler {
        let text = "a pooler stands before the desktop: the lock that keeps two runs apart needs \
                    the server itself";
        let line = "port = 5432 # the server's own port, not the pooler's";
        teller.warn("pooler", text, in_section(&section, line));
    }
    if !server.takes_changes {
        let text = "it takes no changes (read-only): a standby, or a full disk".to_owned();
        let line = "take the address of the server that is written to, or make room there";
        teller.not_started("read-only", text, here(line));
    }
}

/// Whether it is proved who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verified {
    /// Or it need not be: nothing leaves this machine.
    Yes,
    No,
}

fn transport(settings: &Connection) -> (&'static str, Verified) {
    match settings.sslmode {
        SslMode::Disable if settings.is_on_this_machine() => {
            ("plain text on this machine", Verified::Yes)
        }
        SslMode::Disable => ("plain text: whoever is on the way can read it", Verified::No),
        SslMode::Require if settings.is_on_this_machine() => {
            ("TLS on this machine, not verified", Verified::Yes)
        }
        SslMode::Require => ("TLS, but not verified who answers", Verified::No),
        SslMode::VerifyCa => ("TLS, authority verified", Verified::Yes),
        SslMode::VerifyFull => ("TLS, verified", Verified::Yes),
    }
}

fn role(teller: &mut Teller, side: Side, up: &Up) {
    let server = &up.server;
    let mut rights = vec![match (server.superuser, server.sees_every_row) {
        (true, _) => "superuser",
        (false, true) => "sees every row (bypassrls)",
        (false, false) => "sees the rows that policies let it see",
    }];
    if !server.superuser {
        rights.push(if server.may_create { "may make tables" } else { "may not make tables" });
    }
    teller.ok("role", format!("{}, {}", server.role, rights.join(", ")));
    if let Some(gap) = &up.source.point.gap {
        let role = quoted(&server.role);
        let line = format!(
            "grant execute on function pg_control_system(), pg_control_checkpoint() to {role};"
        );
        teller.warn("identity", gap, on(side, line));
    }
}

fn clock(teller: &mut Teller, ahead: f64) {
    let apart = ahead.abs();
    let way = if ahead > 0.0 { "ahead of" } else { "behind" };
    if apart < CLOCKS_APART {
        teller.ok("clock", format!("within {CLOCKS_APART:.0} s of this machine's"));
    } else {
        let text =
            format!("{apart:.0} s {way} this machine's; pgsync does not go by it, people do");
        teller.warn("clock", text, here("w32tm /resync"));
    }
}

fn own_tables(teller: &mut Teller, side: Side, own_tables: &OwnTables, server: &Server) {
    const TOPIC: &str = "own tables";
    let make = || here("pgsync init-metadata");
    match own_tables {
        OwnTables::Ready(watermarks) => {
            let count = watermarks.len();
            teller.ok(TOPIC, format!("made, with {count} watermarks"));
        }
        OwnTables::Absent | OwnTables::Pending(_) if !server.may_create => {
            let text = "not made, and the role may not make them; the command prints the SQL for \
                        an administrator";
            teller.not_started(TOPIC, text.to_owned(), make());
        }
        OwnTables::Absent => teller.warn(TOPIC, "not made yet", make()),
        OwnTables::Pending(count) => {
            teller.warn(TOPIC, format!("{count} migrations are still to be made"), make());
        }
        OwnTables::Forbidden => {
            let text = "they are there, but the role may not use them".to_owned();
            let role = quoted(&server.role);
            let line = format!(
                "grant usage on schema pgsync to {role}; grant select, insert, update, delete on \
                 all tables in schema pgsync to {role}; grant select, insert, update on {} to \
                 {role};",
                kept(side).watermark_table()
            );
            teller.not_started(TOPIC, text, on(side, line));
        }
        OwnTables::Refused(failure) => {
            teller.not_started(TOPIC, format!("could not be read: {failure}"), make());
        }
    }
}

/// The direction whose watermarks are kept on a side.
fn kept(side: Side) -> Direction {
    match side {
        Side::Desktop => Direction::Reverse,
        Side::Cloud => Direction::Forward,
    }
}

fn quoted(role: &str) -> String {
    Ident::new(role).map_or_else(|_| "ROLE".to_owned(), |role| role.sql())
}

fn lock(teller: &mut Teller, direction: Direction, holder: &Answer<Option<Holder>>) {
    let word = direction.word();
    let topic = match direction {
        Direction::Reverse => "lock of reverse",
        Direction::Forward => "lock of forward",
    };
    match holder {
        Ok(None) => teller.ok(topic, "free"),
        Ok(Some(holder)) => {
            let line = format!("pgsync {word} --wait 10m");
            teller.warn(topic, format!("another run holds it: {holder}"), here(line));
        }
        Err(failure) => {
            let line = here("run again: pgsync check");
            teller.warn(topic, format!("could not be looked at: {failure}"), line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::reach;
    use crate::report::check::Level;

    fn one(tell: impl FnOnce(&mut Teller)) -> (Level, String, String) {
        let mut teller = Teller::new(About::Side(Side::Cloud), None);
        tell(&mut teller);
        let finding = teller.findings.pop().unwrap();
        (finding.level, finding.text, finding.todo.map(|todo| todo.line).unwrap_or_default())
    }

    #[test]
    fn clocks_that_are_apart_are_told() {
        assert_eq!(one(|teller| clock(teller, -0.3)).0, Level::Ok);
        let (level, text, line) = one(|teller| clock(teller, -125.0));
        assert_eq!((level, line.as_str()), (Level::Warn, "w32tm /resync"));
        assert!(text.starts_with("125 s behind this machine's"), "{text}");
    }

    #[test]
    fn a_role_that_may_not_make_our_tables_cannot_start() {
        let told = |tables: OwnTables, may_create| {
            let server = Server { may_create, ..reach::tests::server(1, 0.0) };
            one(|teller| own_tables(teller, Side::Cloud, &tables, &server))
        };
        assert_eq!(told(OwnTables::Absent, true).0, Level::Warn);
        let (level, _, line) = told(OwnTables::Absent, false);
        assert_eq!(level, Level::Fail(crate::error::Exit::NotStarted));
        assert_eq!(line, "pgsync init-metadata");
        assert_eq!(told(OwnTables::Pending(2), true).1, "2 migrations are still to be made");
    }
}

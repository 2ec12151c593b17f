//! Opening sessions, and what to say when that fails.

use crate::config::{Config, Connection, SslMode};
use crate::db::connection::{Address, Session, Tls};
use crate::db::failure::Failure;
use crate::db::sql::session::Pins;
use crate::error::{Error, Kind, Result};
use crate::metadata::Direction;
use crate::metadata::lock::{self, Holder};
use crate::metadata::migrations::Side;

/// Opens a session with one side.
///
/// # Errors
/// When it cannot be reached or refuses us, with a hint.
pub async fn open(config: &Config, side: Side, application: &str) -> Result<Session> {
    let opened = try_open(config, side, application).await;
    opened.map_err(|failure| not_connected(connection(config, side), side, failure))
}

/// Opens a session with one side, for those who know what to do without it.
///
/// # Errors
/// As the server or the network says it.
pub async fn try_open(
    config: &Config,
    side: Side,
    application: &str,
) -> std::result::Result<Session, Failure> {
    Session::open(&address(connection(config, side), application)).await
}

/// Opens both sessions at the same time: first the cloud's, then the desktop's.
///
/// # Errors
/// As [`open`].
pub async fn both(config: &Config, application: &str) -> Result<(Session, Session)> {
    let (cloud, desktop) = tokio::join!(
        open(config, Side::Cloud, application),
        open(config, Side::Desktop, application),
    );
    Ok((cloud?, desktop?))
}

/// The settings of a side.
#[must_use]
pub fn connection(config: &Config, side: Side) -> &Connection {
    match side {
        Side::Cloud => &config.cloud,
        Side::Desktop => &config.desktop,
    }
}

/// What every transaction on a side pins.
#[must_use]
pub fn pins(config: &Config, side: Side, application: &str) -> Pins {
    let connection = connection(config, side);
    Pins {
        time_zone: config.desktop_time_zone.clone(),
        statement_timeout: connection.statement_timeout,
        lock_timeout: connection.lock_timeout,
        application: application.to_owned(),
    }
}

/// Takes the lock of a direction, or says who holds it.
///
/// # Errors
/// When another run holds it, or the desktop refuses.
pub async fn lock(desktop: &mut Session, direction: Direction) -> Result<()> {
    match try_lock(desktop, direction).await? {
        None => Ok(()),
        Some(holder) => Err(locked(direction, &holder)),
    }
}

/// Takes the lock of a direction; else who holds it.
///
/// # Errors
/// When the desktop refuses.
pub async fn try_lock(desktop: &mut Session, direction: Direction) -> Result<Option<Holder>> {
    lock::try_take(desktop, direction).await.map_err(|failure| {
        Error::new(Kind::Start, "could not take the lock on the desktop").because(failure)
    })
}

/// The error for a lock that another run holds.
#[must_use]
pub fn locked(direction: Direction, holder: &Holder) -> Error {
    let word = direction.word();
    Error::new(Kind::Locked, format!("could not get the lock of {word}"))
        .because_text(format!("another run holds it: {holder}"))
        .hint("wait until it has finished, then run again")
}

fn address(connection: &Connection, application: &str) -> Address {
    Address {
        host: connection.host.clone(),
        port: connection.port,
        database: connection.database.clone(),
        user: connection.user.clone(),
        password: connection.password.clone(),
        tls: match connection.sslmode {
            SslMode::Disable => Tls::Off,
            SslMode::Require => Tls::Unverified,
            SslMode::VerifyCa => Tls::Authority,
            SslMode::VerifyFull => Tls::AuthorityAndHost,
        },
        root_certificate: connection.sslrootcert.clone(),
        connect_timeout: connection.connect_timeout,
        application_name: application.to_owned(),
    }
}

fn not_connected(connection: &Connection, side: Side, failure: Failure) -> Error {
    let hint = hint(connection, side, &failure);
    let message = format!("could not connect to the {} at {}", side.word(), connection.label());
    Error::new(Kind::Start, message).because(failure).hint(hint)
}

/// The next step, by what the server or the network said.
fn hint(connection: &Connection, side: Side, failure: &Failure) -> String {
    let word = side.word();
    match (failure.sqlstate(), failure.to_string()) {
        (Some("28P01"), _) => format!(
            "the password of user {} is wrong; correct it in the .env beside the configuration, \
             or wherever [{word}] takes it from",
            connection.user
        ),
        (Some("28000"), _) => format!(
            "the server does not let user {} in from this machine; look at user and sslmode in \
             [{word}], and at the server's pg_hba.conf",
            connection.user
        ),
        (Some("3D000"), _) => format!("correct the database's name in [{word}]"),
        (Some("53300"), _) => {
            "the server has no connection free; run again in a few minutes".to_owned()
        }
        (Some("57P03"), _) => {
            "the server is starting or stopping; run again in a minute".to_owned()
        }
        // The words of Supabase's pooler.
        (_, text) if text.contains("Tenant or user not found") => format!(
            "the pooler does not know user {}; take the whole address from the project's \
             settings (Connect): behind a pooler the user is postgres.<project>",
            connection.user
        ),
        (_, text) if text.contains("refused") => format!(
            "no server listens at {} port {}; start PostgreSQL there, or correct host and port in [{word}]",
            connection.host, connection.port
        ),
        (_, text) if text.contains("lookup") || text.contains("resolve") => {
            format!(
                "the name {} is not known; look whether this machine is online, and whether the \
                 host in [{word}] is right",
                connection.host
            )
        }
        (_, text) if text.contains("TLS") || text.contains("certificate") => format!(
            "give the authority's certificate with sslrootcert in [{word}]; \
             sslmode = \"require\" would not verify who answers"
        ),
        (_, text) if text.contains("no answer") => format!(
            "look whether this machine is online and {} port {} is right in [{word}]; else a \
             firewall stands between, or the server is down",
            connection.host, connection.port
        ),
        (Some(_), _) => format!("correct what the server says in [{word}] of the configuration"),
        (None, _) => format!(
            "look whether this machine is online and the server runs, and at [{word}] in the \
             configuration"
        ),
    }
}

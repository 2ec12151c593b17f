//! Opening sessions, and taking the lock.

use crate::branch::Branch;
use crate::commands::hints;
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
    Session::open(&address(config, side, application)).await
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

/// Whose records on a side are ours: a desktop keeps nobody else's.
#[must_use]
pub fn branch(config: &Config, side: Side) -> Branch {
    match side {
        Side::Cloud => config.branch.clone(),
        Side::Desktop => Branch::default(),
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
        branch: branch(config, side),
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

/// Leaves a side, whose locks are free by then.
pub async fn leave(mut session: Session, side: Side) {
    if side == Side::Desktop
        && session.is_usable()
        && let Err(failure) = lock::release(&mut session).await
    {
        tracing::debug!("the lock could not be given back: {failure}");
    }
    session.close().await;
}

/// The error for a lock that another run holds.
#[must_use]
pub fn locked(direction: Direction, holder: &Holder) -> Error {
    let word = direction.word();
    Error::new(Kind::Locked, format!("could not get the lock of {word}"))
        .because_text(format!("another run holds it: {holder}"))
        .hint("wait until it has finished, then run again")
}

fn address(config: &Config, side: Side, application: &str) -> Address {
    let connection = connection(config, side);
    Address {
        branch: branch(config, side),
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
    let hint = hints::hint(connection, side, &failure);
    let message = format!("could not connect to the {} at {}", side.word(), connection.label());
    Error::new(Kind::Start, message).because(failure).hint(hint)
}

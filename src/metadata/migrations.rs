//! Making our own tables, or saying how an administrator makes them.
//!
//! The migrations are embedded by sqlx, and their bookkeeping has the shape of
//! sqlx's own table, in schema `pgsync`. They are applied here and not by
//! sqlx's migrator, because that one needs prepared statements and a session
//! lock, and a transaction pooler offers neither.

use crate::db::connection::Session;
use crate::db::failure::{Failure, Result};
use crate::db::sql::Sql;
use crate::ident::literal;
use sqlx::migrate::{Migration, Migrator};
use std::collections::BTreeMap;
use std::fmt::Write as _;

static DESKTOP: Migrator = sqlx::migrate!("migrations/desktop");
static CLOUD: Migrator = sqlx::migrate!("migrations/cloud");

/// Whose tables are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Desktop,
    Cloud,
}

impl Side {
    fn migrator(self) -> &'static Migrator {
        match self {
            Self::Desktop => &DESKTOP,
            Self::Cloud => &CLOUD,
        }
    }

    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Cloud => "cloud",
        }
    }
}

/// The migrations that a database still lacks.
///
/// # Errors
/// When the server refuses, or a migration that was applied has changed since.
pub async fn pending(session: &mut Session, side: Side) -> Result<Vec<&'static Migration>> {
    let applied = applied(session).await?;
    let mut pending = Vec::new();
    for migration in side.migrator().iter() {
        match applied.get(&migration.version) {
            None => pending.push(migration),
            Some(checksum) if *checksum == hex(&migration.checksum) => {}
            Some(_) => return Err(changed(migration)),
        }
    }
    Ok(pending)
}

/// How many migrations a side has.
#[must_use]
pub fn count(side: Side) -> usize {
    side.migrator().iter().count()
}

fn changed(migration: &Migration) -> Failure {
    Failure::Unexpected(format!(
        "migration {} was applied by another version of pgsync with other contents",
        migration.version
    ))
}

async fn applied(session: &mut Session) -> Result<BTreeMap<i64, String>> {
    let known = session.row(&Sql::new(KNOWN)).await?;
    if !known.flag(0) {
        return Ok(BTreeMap::new());
    }
    let rows = session.rows(&Sql::new(APPLIED)).await?;
    rows.iter().map(|row| Ok((row.number(0)?, row.text(1)?.to_owned()))).collect()
}

const KNOWN: &str = "select to_regclass('pgsync._sqlx_migrations') is not null";

const APPLIED: &str = "\
select version, encode(checksum, 'hex')
from pgsync._sqlx_migrations
where success";

/// Whether our role may read and write all of our own tables that are there.
///
/// # Errors
/// When the server refuses.
pub async fn are_usable(session: &mut Session) -> Result<bool> {
    Ok(session.row(&Sql::new(USABLE)).await?.flag(0))
}

const USABLE: &str = "\
select coalesce(has_schema_privilege(to_regnamespace('pgsync'), 'usage'), false)
  and bool_and(has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
    and has_table_privilege(c.oid, 'update'))
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and (n.nspname = 'pgsync' and c.relname <> '_sqlx_migrations'
  or n.nspname = 'public' and c.relname in ('_sync_metadata', '_reverse_sync_metadata'))";

/// Applies migrations in one transaction.
///
/// # Errors
/// When the server refuses one of them; none is applied then.
pub async fn apply(session: &mut Session, pending: &[&Migration]) -> Result<()> {
    let outcome = session.execute(&script(pending)).await;
    if outcome.is_err() && session.is_usable() {
        session.execute(&Sql::new("rollback")).await?;
    }
    outcome
}

/// The same as one script, for an administrator to run.
#[must_use]
pub fn script(pending: &[&Migration]) -> Sql {
    Sql::new(format!("begin;\n{}commit;\n", statements(pending)))
}

/// The same without the transaction around it, for a dry run's own.
#[must_use]
pub fn statements(pending: &[&Migration]) -> String {
    let mut text = OPENING.to_owned();
    for migration in pending {
        text.push_str(migration.sql.as_str());
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            "\ninsert into pgsync._sqlx_migrations\n    \
             (version, description, success, checksum, execution_time)\n\
             values ({}, {}, true, decode('{}', 'hex'), 0)\n\
             on conflict (version) do nothing;\n\n",
            migration.version,
            literal(&migration.description),
            hex(&migration.checksum)
        );
    }
    text
}

/// The lock lets one of several first runs make the tables.
const OPENING: &str = "\
select pg_advisory_xact_lock(hashtext('pgsync migrations'));
create schema if not exists pgsync;
create table if not exists pgsync._sqlx_migrations (
    version        bigint primary key,
    description    text not null,
    installed_on   timestamptz not null default now(),
    success        boolean not null,
    checksum       bytea not null,
    execution_time bigint not null
);
";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_one_transaction_with_its_bookkeeping() {
        let pending: Vec<&Migration> = DESKTOP.iter().collect();
        let script = script(&pending).to_string();
        assert!(script.starts_with("begin;\nselect pg_advisory_xact_lock("));
        assert!(script.ends_with(", 'hex'), 0)\non conflict (version) do nothing;\n\ncommit;\n"));
        assert!(script.contains("values (1, 'watermarks and ledgers', true, decode('"));
    }

    #[test]
    fn both_sides_share_the_same_ledgers() {
        let table = |side: Side, name: &str| {
            let text = statements(&side.migrator().iter().collect::<Vec<_>>());
            let start = text.find(&format!("create table if not exists {name}")).unwrap();
            text[start..].split(");\n").next().unwrap().to_owned()
        };
        for name in ["pgsync.own_writes", "pgsync.delivered_keys", "pgsync.rejects", "pgsync.runs"]
        {
            assert_eq!(table(Side::Desktop, name), table(Side::Cloud, name));
        }
    }
}

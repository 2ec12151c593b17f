//! What a server says of itself, and of our role and our connection there.
//!
//! One answer, which is also the measure of a round trip. What is good or bad
//! about it is not decided here.

use crate::db::connection::{Row, Session};
use crate::db::failure::Result;
use crate::db::sql::Sql;

/// A server as one of its sessions sees it.
#[allow(clippy::struct_excessive_bools, reason = "four facts of the server, each its own")]
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// As people know it, e.g. `17.6`.
    pub version: String,
    /// The same as a number, e.g. 170006.
    pub version_number: u32,
    /// The server's process that answered.
    pub process: u64,
    /// How long that process has been there, in seconds: behind a pooler it is
    /// older than our connection.
    pub process_age: f64,
    /// Its clock, in seconds since 1970.
    pub clock: f64,
    pub role: String,
    pub superuser: bool,
    /// Whether policies hide no row from the role.
    pub sees_every_row: bool,
    /// Whether the role may make a schema and a table in `public`.
    pub may_create: bool,
    /// Whether it takes changes.
    pub takes_changes: bool,
}

/// Asks once.
///
/// # Errors
/// When the server refuses.
pub async fn look(session: &mut Session) -> Result<Server> {
    read(&session.row(&Sql::new(LOOK)).await?)
}

const LOOK: &str = "\
select current_setting('server_version'), current_setting('server_version_num'),
  pg_backend_pid(),
  coalesce(extract(epoch from clock_timestamp() - a.backend_start), 0),
  extract(epoch from clock_timestamp()),
  current_user, r.rolsuper, r.rolsuper or r.rolbypassrls,
  has_database_privilege(current_database(), 'create')
    and coalesce(has_schema_privilege(to_regnamespace('public'), 'create'), false),
  not pg_is_in_recovery() and current_setting('default_transaction_read_only') = 'off'
from pg_roles as r
left join pg_stat_activity as a on a.pid = pg_backend_pid()
where r.rolname = current_user";

fn read(row: &Row) -> Result<Server> {
    let version = row.text(0)?;
    Ok(Server {
        // Debian adds its own: `16.9 (Debian 16.9-1.pgdg120+1)`.
        version: version.split(' ').next().unwrap_or(version).to_owned(),
        version_number: row.number(1)?,
        process: row.number(2)?,
        process_age: row.number(3)?,
        clock: row.number(4)?,
        role: row.text(5)?.to_owned(),
        superuser: row.flag(6),
        sees_every_row: row.flag(7),
        may_create: row.flag(8),
        takes_changes: row.flag(9),
    })
}

/// Asks in which zone the server means its stamps, whatever a session says:
/// for this role here, for this database, for this role; then what stands in
/// its file, which only some roles may read.
///
/// # Errors
/// When the server refuses to read its file to us; the first question is
/// answered for everybody.
pub async fn time_zone(session: &mut Session) -> Result<Option<String>> {
    for question in [ZONE_OF_ROLE_OR_DATABASE, ZONE_IN_FILE] {
        let rows = session.rows(&Sql::new(question)).await?;
        if let Some(zone) = rows.first().and_then(|row| row.get(0)) {
            return Ok(Some(zone.to_owned()));
        }
    }
    Ok(None)
}

/// Source: <https://www.postgresql.org/docs/current/catalog-pg-db-role-setting.html>
const ZONE_OF_ROLE_OR_DATABASE: &str = "\
select substr(setting, length('timezone=') + 1)
from pg_db_role_setting as s, unnest(s.setconfig) as setting
where setting ilike 'timezone=%'
  and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
  and s.setrole in (0, (select oid from pg_roles where rolname = current_user))
order by (s.setdatabase <> 0 and s.setrole <> 0) desc, s.setrole <> 0 desc, s.setdatabase <> 0 desc
limit 1";

/// Source: <https://www.postgresql.org/docs/current/view-pg-file-settings.html>
const ZONE_IN_FILE: &str = "\
select setting from pg_file_settings where lower(name) = 'timezone' and applied
order by seqno desc limit 1";

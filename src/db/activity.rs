//! Our own sessions as their server sees them: whether they are there, whether
//! they work, and how a statement of theirs is stopped.
//!
//! A run signs its sessions, and each of its transactions, with its own name
//! (`application_name`), so that these statements meet nobody else's. Behind a
//! transaction pooler a server process carries that name only while it works
//! for us. Roles may look at and signal what belongs to them.
//!
//! Source: <https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL>

use crate::db::connection::Session;
use crate::db::failure::Result;
use crate::db::sql::Sql;
use crate::ident::literal;

/// The sessions of a run on one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// How many there are.
    pub there: u64,
    /// How many are at work, or wait for somebody else than us.
    pub working: u64,
}

/// Looks at the sessions that bear this name. A server that tells of no
/// session what it does (`track_activities`) is taken to be at work.
///
/// # Errors
/// When the server refuses.
pub async fn look(session: &mut Session, application: &str) -> Result<Activity> {
    let row = session.row(&looking(application)).await?;
    Ok(Activity { there: row.number(0)?, working: row.number(1)? })
}

/// Stops what these sessions are doing. They stay, and answer 57014.
///
/// # Errors
/// When the server refuses.
pub async fn cancel(session: &mut Session, application: &str) -> Result<()> {
    session.execute(&cancelling(application)).await
}

/// Ends these sessions, with their transactions and locks.
///
/// # Errors
/// When the server refuses.
pub async fn end(session: &mut Session, applications: &[String]) -> Result<()> {
    match ending(applications) {
        Some(sql) => session.execute(&sql).await,
        None => Ok(()),
    }
}

const OURS: &str = "usename = current_user and datname = current_database() \
                    and pid <> pg_backend_pid()";

fn looking(application: &str) -> Sql {
    Sql::new(format!(
        "select count(*), count(*) filter \
         (where state in ('active', 'disabled') and wait_event is distinct from 'ClientRead') \
         from pg_stat_activity where application_name = {} and {OURS}",
        literal(application)
    ))
}

fn cancelling(application: &str) -> Sql {
    Sql::new(format!(
        "select count(pg_cancel_backend(pid)) from pg_stat_activity \
         where application_name = {} and state <> 'idle' and {OURS}",
        literal(application)
    ))
}

fn ending(applications: &[String]) -> Option<Sql> {
    let names: Vec<String> = applications.iter().map(|name| literal(name)).collect();
    (!names.is_empty()).then(|| {
        Sql::new(format!(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity \
             where application_name in ({}) and {OURS}",
            names.join(", ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sessions_of_our_own_are_met() {
        assert_eq!(
            ending(&["pgsync reverse 1".to_owned(), "it's".to_owned()]).unwrap().to_string(),
            "select count(pg_terminate_backend(pid)) from pg_stat_activity \
             where application_name in ('pgsync reverse 1', 'it''s') and usename = current_user \
             and datname = current_database() and pid <> pg_backend_pid()"
        );
        assert_eq!(ending(&[]).map(|sql| sql.to_string()), None);
        assert_eq!(
            cancelling("a").to_string(),
            "select count(pg_cancel_backend(pid)) from pg_stat_activity \
             where application_name = 'a' and state <> 'idle' and usename = current_user \
             and datname = current_database() and pid <> pg_backend_pid()"
        );
        assert_eq!(
            looking("a").to_string(),
            "select count(*), count(*) filter \
             (where state in ('active', 'disabled') and wait_event is distinct from 'ClientRead') \
             from pg_stat_activity where application_name = 'a' and usename = current_user \
             and datname = current_database() and pid <> pg_backend_pid()"
        );
    }
}

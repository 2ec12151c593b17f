//! The next step for somebody whose server could not be reached, by what the
//! server or the network said, and by what is known of Supabase's addresses.
//!
//! Source: <https://supabase.com/docs/guides/database/connecting-to-postgres>

use crate::config::Connection;
use crate::db::failure::Failure;
use crate::metadata::migrations::Side;

/// Which of Supabase's three ways leads to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `db.<project>.supabase.co`
    Direct,
    /// `*.pooler.supabase.com`, a session or a transaction at a time.
    Pooler,
    /// Not Supabase.
    Other,
}

fn way(host: &str) -> Way {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host.starts_with("db.") && host.ends_with(".supabase.co") {
        Way::Direct
    } else if host.ends_with(".pooler.supabase.com") {
        Way::Pooler
    } else {
        Way::Other
    }
}

/// The next step.
#[must_use]
pub fn hint(connection: &Connection, side: Side, failure: &Failure) -> String {
    let said = failure.to_string();
    let of_supabase = supabase(connection, side, failure.sqlstate(), &said);
    of_supabase
        .or_else(|| by_state(connection, side, failure.sqlstate()?))
        .or_else(|| by_words(connection, side, &said))
        .unwrap_or_else(|| in_general(side, failure))
}

/// What only Supabase's addresses can be the reason of.
fn supabase(
    connection: &Connection,
    side: Side,
    sqlstate: Option<&str>,
    said: &str,
) -> Option<String> {
    let word = side.word();
    let no_way = sqlstate.is_none() && !speaks_of_tls(said);
    let unknown = said.contains("enant or user not found") || said.contains("ENOTFOUND");
    match way(&connection.host) {
        Way::Direct if no_way => Some(format!(
            "Supabase's direct address has only IPv6, and many networks have none; take the \
             address of the session pooler (in the project: Connect), whose user is \
             postgres.{}, into [{word}]; if that does not answer either, the project may be \
             paused: look at it in the dashboard",
            project(&connection.host)
        )),
        Way::Pooler if !connection.user.contains('.') && (unknown || sqlstate == Some("28P01")) => {
            Some(format!(
                "behind Supabase's pooler the user is {}.<project>; take the whole address from \
                 the project (Connect) into [{word}]",
                connection.user
            ))
        }
        _ if unknown => Some(format!(
            "the pooler does not know user {}: the project's reference behind the dot or the \
             pooler's region is wrong, or the project is paused; look at it in the dashboard \
             and take the whole address from there (Connect)",
            connection.user
        )),
        Way::Pooler if is_full(sqlstate, said) => Some(
            "all connections of the pooler are taken; use port 6543 (a connection for each \
             transaction) instead of 5432, or raise the pool size in the project's database \
             settings, or run again in a few minutes"
                .to_owned(),
        ),
        Way::Pooler if no_way && ![5432, 6543].contains(&connection.port) => Some(format!(
            "Supabase's pooler listens at 5432 (sessions) and 6543 (transactions), not at {}; \
             correct the port in [{word}]",
            connection.port
        )),
        Way::Pooler if no_way && !said.contains("lookup") => Some(format!(
            "look whether this machine is online; if a firewall here closes port {}, try {} in \
             [{word}]; or the project is paused: look at it in the dashboard",
            connection.port,
            if connection.port == 5432 { 6543 } else { 5432 }
        )),
        _ => None,
    }
}

/// `db.<project>.supabase.co`
fn project(host: &str) -> &str {
    host.split('.').nth(1).unwrap_or("<project>")
}

fn is_full(sqlstate: Option<&str>, said: &str) -> bool {
    sqlstate == Some("53300") || said.to_ascii_lowercase().contains("max client")
}

/// By what the server itself said.
fn by_state(connection: &Connection, side: Side, sqlstate: &str) -> Option<String> {
    let (word, user) = (side.word(), &connection.user);
    let hint = match sqlstate {
        "28P01" => format!(
            "the password of user {user} is wrong; correct it in the .env beside the \
             configuration, or wherever [{word}] takes it from"
        ),
        "28000" => format!(
            "the server does not let user {user} in from this machine; look at user and sslmode \
             in [{word}], and at the server's pg_hba.conf"
        ),
        "3D000" => format!("correct the database's name in [{word}]"),
        "53300" => "the server has no connection free; run again in a few minutes, close \
             programs that hold connections, or raise max_connections there"
            .to_owned(),
        "57P03" => "the server is starting or stopping; run again in a minute".to_owned(),
        _ => return None,
    };
    Some(hint)
}

fn speaks_of_tls(said: &str) -> bool {
    said.contains("TLS") || said.contains("certificate")
}

/// By the words of the network, or of TLS.
fn by_words(connection: &Connection, side: Side, said: &str) -> Option<String> {
    let (word, host, port) = (side.word(), &connection.host, connection.port);
    if speaks_of_tls(said) {
        return Some(about_tls(connection, side, said));
    }
    let hint = if said.contains("refused") {
        format!(
            "no server listens at {host} port {port}; start PostgreSQL there, or correct host \
             and port in [{word}]"
        )
    } else if said.contains("lookup") || said.contains("resolve") {
        format!(
            "the name {host} is not known; look whether this machine is online, and whether the \
             host in [{word}] is right"
        )
    } else if said.contains("no answer") {
        format!(
            "look whether this machine is online and {host} port {port} is right in [{word}]; \
             else a firewall stands between, or the server is down"
        )
    } else {
        return None;
    };
    Some(hint)
}

/// The words are rustls's and sqlx's.
fn about_tls(connection: &Connection, side: Side, said: &str) -> String {
    let (word, host) = (side.word(), &connection.host);
    if said.contains("does not support TLS") {
        format!(
            "the server speaks plain text only; switch TLS on there, or, if plain text is meant, \
             write sslmode = \"disable\" in [{word}]"
        )
    } else if said.contains("expired") || said.contains("NotValidYet") || said.contains("valid yet")
    {
        format!(
            "the server's certificate has expired, or is not valid yet: renew it there, or set \
             this machine's clock, if that is what is wrong; nothing in [{word}] helps"
        )
    } else if said.contains("not valid for name") || said.contains("NotValidForName") {
        format!(
            "{host} proves to be another server, the one that the cause names; correct the host \
             in [{word}], or, if it is reached by another name on purpose, write sslmode = \
             \"verify-ca\""
        )
    } else {
        let from = match way(host) {
            Way::Other => "",
            Way::Direct | Way::Pooler => {
                " (download it in the project: database settings, SSL configuration)"
            }
        };
        format!(
            "give the authority's certificate with sslrootcert in [{word}]{from}; \
             sslmode = \"require\" would not verify who answers"
        )
    }
}

fn in_general(side: Side, failure: &Failure) -> String {
    let word = side.word();
    match failure.sqlstate() {
        Some(_) => format!("correct what the server says in [{word}] of the configuration"),
        None => format!(
            "look whether this machine is online and the server runs, and at [{word}] in the \
             configuration"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SslMode;
    use crate::db::failure::Refusal;
    use std::time::Duration;

    fn connection(host: &str, port: u16, user: &str) -> Connection {
        let span = Duration::from_secs(1);
        Connection {
            host: host.to_owned(),
            port,
            database: "postgres".to_owned(),
            user: user.to_owned(),
            password: None,
            sslmode: SslMode::VerifyFull,
            sslrootcert: None,
            connect_timeout: span,
            statement_timeout: None,
            lock_timeout: span,
            idle_timeout: span,
        }
    }

    fn said(host: &str, port: u16, user: &str, failure: &Failure) -> String {
        hint(&connection(host, port, user), Side::Cloud, failure)
    }

    fn refusal(sqlstate: &str, message: &str) -> Failure {
        Failure::Server(Box::new(Refusal {
            sqlstate: sqlstate.to_owned(),
            message: message.to_owned(),
            ..Refusal::default()
        }))
    }

    const DIRECT: &str = "db.abcdefgh.supabase.co";
    const POOLER: &str = "aws-0-ap-south-1.pooler.supabase.com";

    #[test]
    fn a_direct_address_of_supabase_needs_ipv6() {
        for words in [
            "could not reach the server: failed to lookup address information: x",
            "could not reach the server: Network is unreachable (os error 101)",
            "no answer within 10 s",
        ] {
            let hint = said(DIRECT, 5432, "postgres", &Failure::Setup(words.to_owned()));
            assert!(hint.starts_with("Supabase's direct address has only IPv6"), "{hint}");
            assert!(
                hint.contains("the user is postgres.abcdefgh")
                    || hint.contains(
                        "whose user is \
                postgres.abcdefgh"
                    ),
                "{hint}"
            );
            assert!(hint.contains("paused"), "{hint}");
        }
        let wrong = said(DIRECT, 5432, "postgres", &refusal("28P01", "no"));
        assert!(wrong.starts_with("the password of user postgres is wrong"), "{wrong}");
        let untrusted =
            Failure::Setup("TLS failed: invalid peer certificate: UnknownIssuer".into());
        let hint = said(DIRECT, 5432, "postgres", &untrusted);
        assert!(hint.contains("sslrootcert in [cloud] (download it in the project"), "{hint}");
    }

    #[test]
    fn the_pooler_of_supabase_wants_the_project_in_the_user() {
        let unknown = refusal("XX000", "Tenant or user not found");
        let newer = refusal("XX000", "(ENOTFOUND) tenant/user postgres not found");
        for failure in [&unknown, &newer, &refusal("28P01", "no")] {
            let hint = said(POOLER, 6543, "postgres", failure);
            assert!(hint.starts_with("behind Supabase's pooler the user is postgres.<project>"));
        }
        let hint = said(POOLER, 6543, "postgres.abc", &unknown);
        assert!(hint.contains("does not know user postgres.abc") && hint.contains("paused"));
    }

    #[test]
    fn the_pooler_of_supabase_has_two_ports() {
        let refused = Failure::Connection("could not reach the server: refused".to_owned());
        let hint = said(POOLER, 5433, "postgres.abc", &refused);
        assert!(hint.contains("5432 (sessions) and 6543 (transactions), not at 5433"), "{hint}");
        let silent = Failure::Connection("no answer within 10 s".to_owned());
        assert!(said(POOLER, 6543, "postgres.abc", &silent).contains("try 5432"));
        assert!(said(POOLER, 5432, "postgres.abc", &silent).contains("try 6543"));
        for full in [
            refusal("53300", "too many"),
            refusal("XX000", "MaxClientsInSessionMode: max clients reached - in Session mode max"),
            refusal("XX000", "Max client connections reached"),
        ] {
            let hint = said(POOLER, 5432, "postgres.abc", &full);
            assert!(hint.contains("use port 6543"), "{hint}");
            assert!(full.passes(), "{full}");
        }
    }

    #[test]
    fn any_other_server_has_its_own_words() {
        let refused = Failure::Connection("could not reach the server: refused".to_owned());
        let hint = said("db", 5433, "me", &refused);
        assert!(hint.starts_with("no server listens at db port 5433"), "{hint}");
        assert_eq!(way("DB.x.Supabase.co."), Way::Direct);
        assert_eq!(way("supabase.co.example.com"), Way::Other);
    }
}

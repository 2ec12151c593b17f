//! `postgres://user:password@host:port/database?parameters` into its parts.
//!
//! The parts are decoded and not judged. No sentence of this room repeats a
//! piece of the URL: where a password's `/` or `@` was not encoded, any piece
//! may be the password.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>

use super::nearest::suggestion;
use percent_encoding::percent_decode_str;
use url::{Host, ParseError, Url};

/// Said where a character of a password may have been taken for a separator.
pub(super) const ENCODE: &str = "in a URL the characters @ : / ? # % of a password are written \
    %40 %3A %2F %3F %23 %25; or give the password in the key password";

/// What a URL says about a connection; what it does not say is `None`.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) database: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) sslmode: Option<String>,
    pub(super) sslrootcert: Option<String>,
    /// In seconds.
    pub(super) connect_timeout: Option<u64>,
    /// Known parameters that have no effect here.
    pub(super) without_effect: Vec<&'static str>,
}

/// Why a text is no URL of a database. Never holds a piece of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadUrl {
    #[error("must begin with postgres:// or postgresql://")]
    Scheme,
    #[error("is not of the form postgres://user:password@host:port/database")]
    Form,
    #[error("names no host")]
    NoHost,
    #[error("names several hosts; pgsync connects to one")]
    SeveralHosts,
    #[error("has a port that is no number from 1 to 65535")]
    Port,
    #[error("has an @, # or white space where none may stand")]
    Separator,
    #[error("has a % that is not followed by two hexadecimal digits")]
    Percent,
    #[error("has a part that is not valid UTF-8 or holds a control character")]
    Text,
    #[error("has a connect_timeout that is no number of seconds")]
    Timeout,
    #[error("has an unknown parameter{0}")]
    Parameter(String),
}

/// The parameters that are understood.
const PARAMETERS: [&str; 9] = [
    "sslmode",
    "sslrootcert",
    "connect_timeout",
    "application_name",
    "host",
    "port",
    "dbname",
    "user",
    "password",
];

/// Parameters of other programs that stand in copied URLs.
const WITHOUT_EFFECT: [&str; 5] =
    ["options", "pgbouncer", "connection_limit", "pool_timeout", "channel_binding"];

/// Takes a URL apart.
pub(super) fn parse(text: &str) -> Result<Parts, BadUrl> {
    let text = text.trim();
    let rest = ["postgres://", "postgresql://"]
        .into_iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .ok_or(BadUrl::Scheme)?;
    refuse_stray_separators(rest)?;
    let url = Url::parse(text).map_err(reason)?;
    let mut parts = authority(&url)?;
    for parameter in url.query().unwrap_or_default().split('&').filter(|text| !text.is_empty()) {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        set_parameter(&mut parts, &decoded(key)?, decoded(value)?)?;
    }
    Ok(parts)
}

/// With `postgres://user:pa/ss@host/db` the host would be `user`, and a piece
/// of the password would be the database's name, which is printed.
fn refuse_stray_separators(rest: &str) -> Result<(), BadUrl> {
    let authority_ends = rest.find(['/', '?']).unwrap_or(rest.len());
    let behind = rest.get(authority_ends..).unwrap_or_default();
    let stray = rest.contains(|c: char| c == '#' || c.is_whitespace() || c.is_control());
    if stray || behind.contains('@') { Err(BadUrl::Separator) } else { Ok(()) }
}

fn reason(error: ParseError) -> BadUrl {
    match error {
        ParseError::InvalidPort => BadUrl::Port,
        ParseError::EmptyHost => BadUrl::NoHost,
        _ => BadUrl::Form,
    }
}

fn authority(url: &Url) -> Result<Parts, BadUrl> {
    if url.port() == Some(0) {
        return Err(BadUrl::Port);
    }
    Ok(Parts {
        host: host(url)?,
        port: url.port(),
        database: said(decoded(url.path().strip_prefix('/').unwrap_or_default())?),
        user: said(decoded(url.username())?),
        password: said(decoded(url.password().unwrap_or_default())?),
        ..Parts::default()
    })
}

fn host(url: &Url) -> Result<Option<String>, BadUrl> {
    match url.host() {
        Some(Host::Ipv6(address)) => Ok(Some(address.to_string())),
        Some(Host::Domain(name)) if name.contains(',') => Err(BadUrl::SeveralHosts),
        Some(Host::Domain(name)) => decoded(name).map(said),
        Some(Host::Ipv4(address)) => Ok(Some(address.to_string())),
        None => Ok(None),
    }
}

fn set_parameter(parts: &mut Parts, key: &str, value: String) -> Result<(), BadUrl> {
    match key {
        "sslmode" => parts.sslmode = said(value),
        "sslrootcert" => parts.sslrootcert = said(value),
        "connect_timeout" => {
            parts.connect_timeout = Some(value.parse().map_err(|_| BadUrl::Timeout)?);
        }
        "application_name" => {}
        "host" => parts.host = said(value),
        "port" => parts.port = Some(port(&value)?),
        "dbname" => parts.database = said(value),
        "user" => parts.user = said(value),
        "password" => parts.password = said(value),
        _ => parts.without_effect.push(without_effect(key)?),
    }
    Ok(())
}

fn port(value: &str) -> Result<u16, BadUrl> {
    value.parse().ok().filter(|port| *port > 0).ok_or(BadUrl::Port)
}

fn without_effect(key: &str) -> Result<&'static str, BadUrl> {
    let known = WITHOUT_EFFECT.into_iter().find(|name| *name == key);
    known.ok_or_else(|| BadUrl::Parameter(format!("; {}", suggestion(key, &PARAMETERS))))
}

fn said(value: String) -> Option<String> {
    Some(value).filter(|value| !value.is_empty())
}

/// Takes `%XX` for the byte that it stands for, and nothing but `%XX`.
fn decoded(part: &str) -> Result<String, BadUrl> {
    let is_encoded = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !part.split('%').skip(1).all(is_encoded) {
        return Err(BadUrl::Percent);
    }
    let text = percent_decode_str(part).decode_utf8().map_err(|_| BadUrl::Text)?;
    if text.contains(char::is_control) { Err(BadUrl::Text) } else { Ok(text.into_owned()) }
}

/// Whether a URL, as it stands in the file, holds a password in clear text
/// rather than `${NAME}`.
pub(super) fn has_literal_password(written: &str) -> bool {
    let rest = written.split_once("://").map_or("", |(_, rest)| rest);
    let userinfo = rest.rsplit_once('@').map_or("", |(userinfo, _)| userinfo);
    let in_userinfo = userinfo.split_once(':').map(|(_, password)| password);
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let in_query = query.split('&').find_map(|parameter| parameter.strip_prefix("password="));
    [in_userinfo, in_query]
        .into_iter()
        .flatten()
        .any(|password| !password.is_empty() && !password.contains("${"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// host, port, database, user, password
    fn parts(url: &str) -> [String; 5] {
        let parts = parse(url).map_err(|why| why.to_string()).expect(url);
        let port = parts.port.map(|port| port.to_string());
        [parts.host, port, parts.database, parts.user, parts.password]
            .map(|part| part.unwrap_or_else(|| "-".to_owned()))
    }

    #[test]
    fn urls_are_taken_apart() {
        assert_eq!(
            parts("postgres://me:se%40cr%2Fet@db.example.com:6543/app"),
            ["db.example.com", "6543", "app", "me", "se@cr/et"]
        );
        assert_eq!(parts("postgresql://me@DB"), ["DB", "-", "-", "me", "-"]);
        assert_eq!(parts("postgres://me:@127.0.0.1/a%20b"), ["127.0.0.1", "-", "a b", "me", "-"]);
        assert_eq!(parts("postgres://me@[::1]:5433/x"), ["::1", "5433", "x", "me", "-"]);
        assert_eq!(parts("postgres://me@%2Frun%2Fpg/x"), ["/run/pg", "-", "x", "me", "-"]);
        assert_eq!(parts("postgres:///x?host=/run/pg&user=me"), ["/run/pg", "-", "x", "me", "-"]);
        assert_eq!(parts(" postgres://a:b:c@h/d\n"), ["h", "-", "d", "a", "b:c"]);
        assert_eq!(parts("postgres://a:b@c@h/d"), ["h", "-", "d", "a", "b@c"]);
        assert_eq!(parts("postgres://\u{e9}:\u{e8}@h/d"), ["h", "-", "d", "\u{e9}", "\u{e8}"]);
        assert_eq!(parts("postgres://a:%2B+@h/d"), ["h", "-", "d", "a", "++"]);
        assert_eq!(parts("postgres://"), ["-", "-", "-", "-", "-"]);
    }

    #[test]
    fn parameters_are_understood() {
        let url = "postgres://h/d?sslmode=verify-ca&sslrootcert=c%2Fa.pem&connect_timeout=7\
                   &application_name=x&options=-c%20x&pgbouncer=true&port=9&dbname=e&password=p";
        let parts = parse(url).ok().unwrap();
        assert_eq!(parts.sslmode.as_deref(), Some("verify-ca"));
        assert_eq!(parts.sslrootcert.as_deref(), Some("c/a.pem"));
        assert_eq!(parts.connect_timeout, Some(7));
        assert_eq!(parts.without_effect, ["options", "pgbouncer"]);
        assert_eq!((parts.port, parts.database.as_deref()), (Some(9), Some("e")));
        assert_eq!(parts.password.as_deref(), Some("p"));
    }

    #[test]
    fn bad_urls_are_told_without_their_pieces() {
        for (url, why) in [
            ("mysql://h/d", "must begin with postgres:// or postgresql://"),
            ("h", "must begin with postgres:// or postgresql://"),
            ("", "must begin with postgres:// or postgresql://"),
            ("postgres://u:hunter2@h:99999/d", "has a port that is no number from 1 to 65535"),
            ("postgres://u:hunter2@h:x/d", "has a port that is no number from 1 to 65535"),
            ("postgres://u:hunter2@h:0/d", "has a port that is no number from 1 to 65535"),
            ("postgres://u:hun/ter2@h/d", "has an @, # or white space where none may stand"),
            ("postgres://u:5/hunter2@h/d", "has an @, # or white space where none may stand"),
            ("postgres://u:5?hunter2@h/d", "has an @, # or white space where none may stand"),
            ("postgres://u:hunter2#@h/d", "has an @, # or white space where none may stand"),
            ("postgres://u:hunter2 @h/d", "has an @, # or white space where none may stand"),
            ("postgres://u:hun%zz@h/d", "has a % that is not followed by two hexadecimal digits"),
            ("postgres://u:h%@h/d", "has a % that is not followed by two hexadecimal digits"),
            (
                "postgres://u:h%ff@h/d",
                "has a part that is not valid UTF-8 or holds a control character",
            ),
            (
                "postgres://u:h%00@h/d",
                "has a part that is not valid UTF-8 or holds a control character",
            ),
            (
                "postgres://u:hunter2@[::1/d",
                "is not of the form postgres://user:password@host:port/database",
            ),
            ("postgres://u:hunter2@/d", "names no host"),
            ("postgres://u:hunter2@a,b/d", "names several hosts; pgsync connects to one"),
            (
                "postgres://h/d?connect_timeout=x",
                "has a connect_timeout that is no number of seconds",
            ),
            ("postgres://h/d?ssl_mode=x", "has an unknown parameter; did you mean \"sslmode\"?"),
        ] {
            let said = parse(url).err().map(|bad| bad.to_string());
            assert_eq!(said.as_deref(), Some(why), "{url}");
        }
        let unknown = parse("postgres://h/d?hunter2=1").err().map(|bad| bad.to_string());
        assert!(unknown.is_some_and(|said| !said.contains("hunter2")));
    }

    #[test]
    fn no_damaged_url_panics_or_is_repeated() {
        let url = "postgres://u%20:hunter2@[::1]:5432/d%20?sslmode=require&hunter2=\u{e9}#x@";
        for damaged in super::super::testing::mutations(url) {
            let damaged = String::from_utf8_lossy(&damaged);
            let why = parse(&damaged).err().map(|why| why.to_string()).unwrap_or_default();
            assert!(!why.contains("hunter2"), "{why}");
            let _ = has_literal_password(&damaged);
        }
    }

    #[test]
    fn a_literal_password_is_seen() {
        for literal in ["postgres://u:p@h/d", "postgres://${U}:p@${H}/d", "x://h/d?password=p"] {
            assert!(has_literal_password(literal), "{literal}");
        }
        for clean in [
            "${URL}",
            "postgres://u@h/d",
            "postgres://u:@h/d",
            "postgres://u:${P}@h:5432/d",
            "postgres://h:5432/d",
            "postgres://h/d?password=${P}",
            "",
        ] {
            assert!(!has_literal_password(clean), "{clean}");
        }
    }
}

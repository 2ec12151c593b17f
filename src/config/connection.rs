//! How to reach one database: a URL, single keys, or a URL completed by keys.
//!
//! It fills in what libpq would, except where libpq would fall back to plain
//! text. It connects to nothing, and no sentence of it holds a password.

use super::section::{Section, Text};
use super::url::{self, Parts};
use super::{Connection, tls};
use crate::branch::Branch;
use std::fmt;
use std::time::Duration;

/// The desktop can have a name besides; it comes first.
const DESKTOP_KEYS: [&str; 13] = [
    "name",
    "url",
    "host",
    "port",
    "database",
    "user",
    "password",
    "sslmode",
    "sslrootcert",
    "connect_timeout",
    "statement_timeout",
    "lock_timeout",
    "idle_timeout",
];

const DEFAULT_PORT: u16 = 5432;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// The server takes a timeout as a number of milliseconds with 32 bits.
const LONGEST_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

impl Connection {
    /// Whether what is said on it never leaves this machine.
    #[must_use]
    pub fn is_on_this_machine(&self) -> bool {
        tls::is_this_machine(&self.host)
    }

    /// `user@host:port/database`, for people.
    #[must_use]
    pub fn label(&self) -> String {
        let colon = self.host.contains(':');
        let host = if colon { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{}@{host}:{}/{}", self.user, self.port, self.database)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("database", &self.database)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "(hidden)"))
            .field("sslmode", &self.sslmode)
            .field("sslrootcert", &self.sslrootcert)
            .field("connect_timeout", &self.connect_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("lock_timeout", &self.lock_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .finish()
    }
}

/// Reads the connection at `key` of the file.
pub(super) fn connection(file: &Section<'_>, key: &str) -> Option<Connection> {
    if !file.has(key) {
        file.mistake_at(0, format!("the section [{key}] with its url is missing"));
        return None;
    }
    let section = file.section(key, keys(key))?;
    let parts = parts(&section)?;
    let host = host(&section, parts.host.as_deref())?;
    let user = needed(&section, "user", parts.user.as_deref(), "names no user")?;
    let sslmode = tls::sslmode(&section, parts.sslmode.as_deref(), &host);
    Some(Connection {
        port: parts.port.unwrap_or(DEFAULT_PORT),
        database: parts.database.unwrap_or_else(|| user.clone()),
        password: parts.password,
        sslmode,
        sslrootcert: tls::root_certificates(&section, parts.sslrootcert, sslmode),
        connect_timeout: connect_timeout(&section, parts.connect_timeout),
        statement_timeout: timeout(&section, "statement_timeout").filter(|span| !span.is_zero()),
        lock_timeout: limited(&section, "lock_timeout").unwrap_or(LOCK_TIMEOUT),
        idle_timeout: limited(&section, "idle_timeout").unwrap_or(IDLE_TIMEOUT),
        host,
        user,
    })
}

fn keys(section: &str) -> &'static [&'static str] {
    match DESKTOP_KEYS.split_first() {
        Some((_, others)) if section != "desktop" => others,
        _ => &DESKTOP_KEYS,
    }
}

/// The name under which a cloud that several desktops share keeps this one
/// apart. It becomes part of the names of records there.
pub(super) fn branch(file: &Section<'_>) -> Option<Branch> {
    const LONGEST: usize = 30;
    let section = file.section("desktop", &DESKTOP_KEYS)?;
    if !section.has("name") {
        return Some(Branch::default());
    }
    let name = plain(&section, "name")?;
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.is_empty() || name.len() > LONGEST || !name.chars().all(fits) {
        section.mistake("name", "must be up to 30 letters, digits, dashes, underscores or dots");
        return None;
    }
    Some(Branch::named(&name))
}

/// What the URL says, and over it what the single keys say.
fn parts(section: &Section<'_>) -> Option<Parts> {
    let url = if section.has("url") { url_parts(section)? } else { Parts::default() };
    let key = |key| plain(section, key);
    let password = section.text("password");
    if password.as_ref().is_some_and(is_literal) {
        warn_of_literal(section, "password");
    }
    Some(Parts {
        host: key("host").or(url.host),
        port: port(section).or(url.port),
        database: key("database").or(url.database),
        user: key("user").or(url.user),
        password: password.map(|text| text.value).filter(|text| !text.is_empty()).or(url.password),
        sslmode: key("sslmode").or(url.sslmode),
        sslrootcert: key("sslrootcert").or(url.sslrootcert),
        ..url
    })
}

fn url_parts(section: &Section<'_>) -> Option<Parts> {
    let text = section.filled_text("url")?;
    if url::has_literal_password(&text.written) {
        warn_of_literal(section, "url");
    }
    let parts = url::parse(&text.value).map_err(|why| note_bad_url(section, &text, &why)).ok()?;
    for parameter in &parts.without_effect {
        section.warning("url", &format!("url: the parameter {parameter} has no effect here"));
    }
    Some(parts)
}

fn note_bad_url(section: &Section<'_>, text: &Text, why: &url::BadUrl) {
    let source = match text.variables.as_slice() {
        [] => String::new(),
        names => format!(" (it comes from {})", names.join(" and ")),
    };
    section.mistake_at(text.line, format!("url in {}{source} {why}", section.name()));
    section.reading.notes.borrow_mut().hint(url::ENCODE);
}

fn is_literal(text: &Text) -> bool {
    text.variables.is_empty() && !text.value.is_empty()
}

fn warn_of_literal(section: &Section<'_>, key: &str) {
    let what = format!(
        "{key} holds a password in clear text; write ${{NAME}} in its place and give \
         NAME=... in the environment or in a .env beside this file"
    );
    section.warning(key, &what);
}

/// A text that is no secret, without white space around it.
fn plain(section: &Section<'_>, key: &str) -> Option<String> {
    let text = section.filled_text(key)?;
    if text.value.contains(char::is_control) {
        section.mistake(key, "holds a control character; write Windows paths in single quotes");
        return None;
    }
    Some(text.value.trim().to_owned())
}

fn port(section: &Section<'_>) -> Option<u16> {
    section.integer("port", 1..=u16::MAX.into()).and_then(|port| port.try_into().ok())
}

/// Anything but a host's name may be a misplaced URL, so it is not repeated.
fn host(section: &Section<'_>, given: Option<&str>) -> Option<String> {
    let missing = "names no server; give url, or host, port, database and user";
    let host = needed(section, "host", given, missing)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
    let in_name = |c: char| c.is_alphanumeric() || ".-_:%".contains(c);
    if host.starts_with('/') || (!host.is_empty() && host.chars().all(in_name)) {
        return Some(host.to_owned());
    }
    let key = if section.has("host") { "host" } else { "url" };
    section.mistake(key, "holds something that is no host name and no address");
    None
}

/// A part that must be there. Where its key is there and still gave nothing,
/// that was noted already.
fn needed(section: &Section<'_>, key: &str, part: Option<&str>, otherwise: &str) -> Option<String> {
    if part.is_none() && !section.has(key) {
        section.own_mistake(otherwise);
    }
    part.map(ToOwned::to_owned)
}

/// The key's span of time, or the URL's number of seconds.
fn connect_timeout(section: &Section<'_>, seconds: Option<u64>) -> Duration {
    if section.has("connect_timeout") {
        return limited(section, "connect_timeout").unwrap_or(CONNECT_TIMEOUT);
    }
    let span = seconds.map_or(CONNECT_TIMEOUT, Duration::from_secs);
    if span.is_zero() || span > LONGEST_TIMEOUT {
        section.mistake("url", "has a connect_timeout that is 0 or too long");
    }
    span
}

/// A timeout that has to end: what waits for ever is not seen by anybody.
fn limited(section: &Section<'_>, key: &str) -> Option<Duration> {
    let span = timeout(section, key)?;
    if span.is_zero() {
        section.mistake(key, "must be longer than 0, or a run could wait for ever");
    }
    Some(span)
}

fn timeout(section: &Section<'_>, key: &str) -> Option<Duration> {
    let span = section.duration(key)?;
    if span > LONGEST_TIMEOUT {
        section.mistake(key, "must not be longer than 24 days");
    }
    Some(span)
}

#[cfg(test)]
mod tests;

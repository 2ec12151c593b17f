//! Tests of `connection`, by value.

use super::super::SslMode;
use super::super::testing::{causes, config, config_with, error, warnings};
use super::*;

fn desktop(lines: &str) -> Connection {
    config_with(lines).desktop
}

#[test]
fn a_url_and_its_parts_mean_the_same() {
    let parts = "host = \"h\"\nport = 5433\ndatabase = \"d\"\nuser = \"u\"\n\
                 password = \"${PASSWORD}\"";
    let by_parts = desktop(parts);
    let by_url = desktop("url = \"postgres://u:${PASSWORD}@h:5433/d\"");
    assert_eq!(format!("{by_parts:?}"), format!("{by_url:?}"));
    assert_eq!(by_parts.label(), "u@h:5433/d");
    assert_eq!(by_parts.password.as_deref(), Some("hunter2"));
    assert_eq!(by_url.password.as_deref(), Some("hunter2"));
}

#[test]
fn defaults_are_those_of_libpq_and_safe() {
    let connection = desktop("url = \"postgres://me@localhost\"");
    assert_eq!(connection.label(), "me@localhost:5432/me");
    assert_eq!(connection.password, None);
    assert_eq!(connection.sslrootcert, None);
    assert_eq!(connection.connect_timeout, Duration::from_secs(10));
    assert_eq!(connection.statement_timeout, None);
    assert_eq!(connection.lock_timeout, Duration::from_secs(10));
    assert_eq!(connection.idle_timeout, Duration::from_secs(15));
}

#[test]
fn keys_beside_the_url_complete_it() {
    let connection = desktop(
        "url = \"postgres://me@h/d?connect_timeout=3&sslmode=disable\"\nport = \"6543\"\n\
         database = \"e\"\nsslmode = \"verify-ca\"\nstatement_timeout = \"5m\"\n\
         lock_timeout = \"500ms\"\nidle_timeout = \"1m\"",
    );
    assert_eq!(connection.label(), "me@h:6543/e");
    assert_eq!(connection.sslmode, SslMode::VerifyCa);
    assert_eq!(connection.connect_timeout, Duration::from_secs(3));
    assert_eq!(connection.statement_timeout, Some(Duration::from_secs(300)));
    assert_eq!(connection.lock_timeout, Duration::from_millis(500));
    assert_eq!(connection.idle_timeout, Duration::from_secs(60));
}

#[test]
fn addresses_and_sockets_are_hosts() {
    assert_eq!(desktop("url = \"postgres://u@[::1]:5433/d\"").label(), "u@[::1]:5433/d");
    let bracketed = desktop("host = \"[::1]\"\nuser = \"u\"");
    assert_eq!((bracketed.host.as_str(), bracketed.sslmode), ("::1", SslMode::Disable));
    let socket = desktop("host = \"/run/pg\"\nuser = \"u\"");
    assert_eq!((socket.host.as_str(), socket.sslmode), ("/run/pg", SslMode::Disable));
}

#[test]
fn what_is_missing_is_told() {
    let told = |lines: &str| causes(&config_with_desktop(lines));
    assert_eq!(
        told(""),
        ["line 2: [desktop] names no server; give url, or host, port, database and user"]
    );
    assert_eq!(told("host = \"h\""), ["line 2: [desktop] names no user"]);
    assert_eq!(told("host = \"\""), ["line 3: host in [desktop] must not be empty"]);
    assert_eq!(told("url = \" \""), ["line 3: url in [desktop] must not be empty"]);
    assert_eq!(
        told("url = \"${EMPTY}\""),
        ["line 3: url in [desktop] must not be empty (it comes from EMPTY)"]
    );
    assert_eq!(
        told("url = 5"),
        ["line 3: url in [desktop] must be a text in quotes, not an integer"]
    );
}

fn config_with_desktop(lines: &str) -> String {
    config(&format!("[desktop]\n{lines}"))
}

#[test]
fn bad_values_are_told_with_their_line() {
    let told =
        |line: &str| causes(&config_with_desktop(&format!("url = \"postgres://u@h/d\"\n{line}")));
    assert_eq!(
        told("port = 99999"),
        ["line 4: port in [desktop] must be a whole number from 1 to 65535"]
    );
    assert_eq!(
        told("connect_timeout = 10"),
        ["line 4: connect_timeout in [desktop] has no unit; write a number with its unit, \
          like \"500ms\", \"10s\", \"15m\", \"2h\" or \"1d\""]
    );
    assert_eq!(
        told("lock_timeout = \"0\""),
        ["line 4: lock_timeout in [desktop] must be longer than 0, or a run could wait for ever"]
    );
    assert_eq!(
        told("statement_timeout = \"60d\""),
        ["line 4: statement_timeout in [desktop] must not be longer than 24 days"]
    );
    assert_eq!(
        told("host = \"postgres://u:hunter2@h\""),
        ["line 4: host in [desktop] holds something that is no host name and no address"]
    );
    assert_eq!(
        told("databse = \"d\""),
        ["line 4: unknown key \"databse\" in [desktop]; did you mean \"database\"?"]
    );
}

#[test]
fn a_bad_url_is_told_without_its_content() {
    let text = config_with_desktop("url = \"${BAD_URL}\"");
    let error = error(&text);
    assert_eq!(
        error.causes(),
        ["line 3: url in [desktop] (it comes from BAD_URL) has a port that is no number from 1 \
          to 65535"]
    );
    assert_eq!(error.advice(), Some(url::ENCODE));
}

#[test]
fn a_password_in_the_file_is_warned_of() {
    let warned = "holds a password in clear text; write ${NAME} in its place and give NAME=... \
                  in the environment or in a .env beside this file";
    assert_eq!(
        warnings("url = \"postgres://u:hunter2@localhost/d\""),
        [format!("line 3: [desktop] url {warned}")]
    );
    assert_eq!(
        warnings("url = \"postgres://u@localhost/d\"\npassword = 'hunter2'"),
        [format!("line 4: [desktop] password {warned}")]
    );
    assert_eq!(warnings("url = \"postgres://u:${PASSWORD}@localhost/d\""), [""; 0]);
    assert_eq!(
        warnings("url = \"postgres://u@localhost/d?options=x\""),
        ["line 3: [desktop] url: the parameter options has no effect here"]
    );
}

//! What a connection must prove about the server, and what is said when it
//! proves less than it could.
//!
//! Modes that may end in plain text without a word are not offered. This
//! room knows hosts and modes; it opens no connection and no certificate.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-ssl.html>

use super::SslMode;
use super::nearest::suggestion;
use super::section::Section;
use std::net::IpAddr;
use std::path::PathBuf;

const MODES: [&str; 4] = ["disable", "require", "verify-ca", "verify-full"];

/// The mode that was written down, else the safe one for this host.
pub(super) fn sslmode(section: &Section<'_>, written: Option<&str>, host: &str) -> SslMode {
    let local = is_this_machine(host);
    let default = if local { SslMode::Disable } else { SslMode::VerifyFull };
    let mode = match written.map(parse) {
        None => default,
        Some(Ok(mode)) => mode,
        Some(Err(why)) => {
            section.mistake_at(line(section, "sslmode"), format!("{} {why}", section.name()));
            default
        }
    };
    if !local {
        warn(section, mode, host);
    }
    mode
}

fn parse(text: &str) -> Result<SslMode, String> {
    match text {
        "disable" => Ok(SslMode::Disable),
        "require" => Ok(SslMode::Require),
        "verify-ca" => Ok(SslMode::VerifyCa),
        "verify-full" => Ok(SslMode::VerifyFull),
        "allow" | "prefer" => Err(format!(
            "sslmode \"{text}\" is refused, because it falls back to plain text without a word; \
             write \"verify-full\", or \"disable\" where plain text is meant"
        )),
        _ => Err(format!("sslmode is unknown; {}", suggestion(text, &MODES))),
    }
}

/// A mode may stand in its own key or in the URL.
fn line(section: &Section<'_>, key: &str) -> usize {
    section.line_of(if section.has(key) { key } else { "url" })
}

fn warn(section: &Section<'_>, mode: SslMode, host: &str) {
    let key = if section.has("sslmode") { "sslmode" } else { "url" };
    match mode {
        SslMode::Disable => section.warning(
            key,
            &format!(
                "talks to {host} in plain text (sslmode \"disable\"): \
                 whoever is on the way can read and change it"
            ),
        ),
        SslMode::Require => section.warning(
            key,
            &format!(
                "does not check who answers as {host} (sslmode \"require\"); \
                 \"verify-full\" does"
            ),
        ),
        SslMode::VerifyCa | SslMode::VerifyFull => {}
    }
}

/// Whether a connection to this host leaves the machine.
pub(super) fn is_this_machine(host: &str) -> bool {
    host.starts_with('/')
        || host.trim_end_matches('.').eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The file with the authority's certificates; it stands beside the
/// configuration unless its path is absolute. `system` is what is used anyway.
pub(super) fn root_certificates(
    section: &Section<'_>,
    written: Option<String>,
    mode: SslMode,
) -> Option<PathBuf> {
    let written = written.filter(|name| name != "system")?;
    let path = section.reading.path.with_file_name(&written);
    if !path.is_file() {
        let what = format!("{}: there is no file {}", section.name(), path.display());
        section.mistake_at(line(section, "sslrootcert"), format!("sslrootcert in {what}"));
    }
    if matches!(mode, SslMode::Disable | SslMode::Require) {
        section.warning(
            if section.has("sslrootcert") { "sslrootcert" } else { "url" },
            "sslrootcert is not used, because the sslmode checks no certificate",
        );
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{causes, config, config_with, warnings};
    use super::*;

    #[test]
    fn only_this_machine_needs_no_encryption() {
        for host in ["localhost", "LocalHost.", "127.0.0.1", "127.9.9.9", "::1", "/tmp"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["localhost.example.com", "10.0.0.1", "::2", "db", "128.0.0.1", "127.0.0.1.x"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn the_default_is_safe() {
        let mode =
            |host: &str| config_with(&format!("url = \"postgres://u@{host}/d\"")).desktop.sslmode;
        assert_eq!(mode("localhost"), SslMode::Disable);
        assert_eq!(mode("127.0.0.1"), SslMode::Disable);
        assert_eq!(mode("[::1]"), SslMode::Disable);
        assert_eq!(mode("%2Ftmp"), SslMode::Disable);
        assert_eq!(mode("192.168.1.5"), SslMode::VerifyFull);
        assert_eq!(mode("db.example.com"), SslMode::VerifyFull);
        assert_eq!(warnings("url = \"postgres://u@db.example.com/d\""), [""; 0]);
    }

    #[test]
    fn less_than_safe_has_to_be_written_and_is_told() {
        assert_eq!(
            warnings("url = \"postgres://u@db.example.com/d\"\nsslmode = \"disable\""),
            ["line 4: [desktop] talks to db.example.com in plain text (sslmode \"disable\"): \
              whoever is on the way can read and change it"]
        );
        assert_eq!(
            warnings("url = \"postgres://u@db.example.com/d?sslmode=require\""),
            ["line 3: [desktop] does not check who answers as db.example.com (sslmode \
              \"require\"); \"verify-full\" does"]
        );
        assert_eq!(warnings("url = \"postgres://u@localhost/d?sslmode=disable\""), [""; 0]);
    }

    #[test]
    fn falling_back_to_plain_text_is_refused() {
        let told = |mode: &str| {
            causes(&config(&format!("[desktop]\nurl = \"postgres://u@h/d\"\nsslmode = \"{mode}\"")))
        };
        assert_eq!(
            told("prefer"),
            ["line 4: [desktop] sslmode \"prefer\" is refused, because it falls back to plain \
              text without a word; write \"verify-full\", or \"disable\" where plain text is meant"]
        );
        assert!(told("allow")[0].contains("sslmode \"allow\" is refused"));
        assert_eq!(
            told("verify_full"),
            ["line 4: [desktop] sslmode is unknown; did you mean \"verify-full\"?"]
        );
        assert_eq!(
            causes(&config("[desktop]\nurl = \"postgres://u@h/d?sslmode=prefer\""))[0],
            told("prefer")[0].replace("line 4", "line 3")
        );
    }

    #[test]
    fn certificates_are_looked_for_beside_the_file() {
        let told =
            causes(&config("[desktop]\nurl = \"postgres://u@h/d\"\nsslrootcert = 'c/a.pem'"));
        let path = std::path::Path::new("nowhere").join("c/a.pem");
        let expected =
            format!("line 4: sslrootcert in [desktop]: there is no file {}", path.display());
        assert_eq!(told, [expected]);
        let system = config_with("url = \"postgres://u@h/d\"\nsslrootcert = \"system\"");
        assert_eq!(system.desktop.sslrootcert, None);
    }
}

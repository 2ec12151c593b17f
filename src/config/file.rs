//! The configuration file as it lies on the disk: bytes, text, TOML tree.
//!
//! It deals with what editors do to text files and with TOML's syntax, and
//! turns places in the text into line numbers. It knows no key of the format.

use super::notes::{could_not_read, fatal};
use crate::error::Result;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// Said where a text file is in an encoding that TOML does not allow.
const SAVE_AS_UTF_8: &str =
    "open it in Notepad, choose File, Save as, and Encoding: UTF-8, and save it again";

/// Said where a backslash in double quotes went wrong, as in `"C:\certs\ca.pem"`.
const USE_SINGLE_QUOTES: &str =
    "in double quotes a backslash begins an escape: write Windows paths in single quotes";

/// Why bytes are no text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoText {
    #[error("the file is saved as UTF-16, which is not read")]
    Utf16,
    #[error("line {0}: the file is not saved as UTF-8")]
    NotUtf8(usize),
}

/// Takes UTF-8, with or without a byte order mark.
///
/// Source: <https://www.unicode.org/faq/utf_bom.html>
pub(super) fn decode(bytes: &[u8]) -> Result<&str, NoText> {
    let looks_like_utf_16 = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
        || matches!(bytes, [0, second, ..] | [second, 0, ..] if *second != 0);
    if looks_like_utf_16 {
        return Err(NoText::Utf16);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        NoText::NotUtf8(line_of(bytes.get(..error.valid_up_to()).unwrap_or_default()))
    })
}

/// The bytes of the file at `path`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => could_not_read(path)
            .because_text("there is no such file")
            .hint("correct --config or PGSYNC_CONFIG, or leave both out"),
        _ => could_not_read(path).because(error),
    })
}

/// The text in `bytes`, which came from `path`.
pub(super) fn text<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a str> {
    decode(bytes).or_else(|why| fatal(path, 0, &why.to_string(), Some(SAVE_AS_UTF_8)))
}

/// The TOML tree of `text`, with the place of every key and value.
///
/// TOML's own display of an error repeats the faulty line, and that line may
/// hold a password: only the sentence and the line's number are taken.
pub(super) fn tree<'a>(text: &'a str, path: &Path) -> Result<DeTable<'a>> {
    DeTable::parse(text).map(toml::Spanned::into_inner).or_else(|error| {
        let line = error.span().map_or(0, |span| line_at(text, &span));
        let escape = error.message().contains("escape").then_some(USE_SINGLE_QUOTES);
        fatal(path, line, &one_line(error.message()), escape)
    })
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The line, counted from 1, in which a place begins.
pub(super) fn line_at(text: &str, place: &Range<usize>) -> usize {
    let bytes = text.as_bytes();
    line_of(bytes.get(..place.start).unwrap_or(bytes))
}

fn line_of(before: &[u8]) -> usize {
    before.split(|byte| *byte == b'\n').count()
}

/// What kind of value stands there, in words.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(toml: &str) -> String {
        tree(toml, Path::new("x.toml")).unwrap_err().causes().join(" | ")
    }

    #[test]
    fn editors_marks_are_taken_off() {
        assert_eq!(decode(b"\xef\xbb\xbfa = 1"), Ok("a = 1"));
        assert_eq!(decode(b"a = 1\r\n"), Ok("a = 1\r\n"));
        assert_eq!(decode(b""), Ok(""));
    }

    #[test]
    fn other_encodings_are_refused() {
        assert_eq!(decode(b"\xff\xfea\0"), Err(NoText::Utf16));
        assert_eq!(decode(b"\xfe\xff\0a"), Err(NoText::Utf16));
        assert_eq!(decode(b"a\0b\0"), Err(NoText::Utf16));
        assert_eq!(decode(b"\0a\0b"), Err(NoText::Utf16));
        assert_eq!(decode(b"a\nb\n\xe9\n"), Err(NoText::NotUtf8(3)));
        let error = text(b"\xff\xfea\0", Path::new("x.toml")).unwrap_err();
        assert_eq!(error.causes(), ["the file is saved as UTF-16, which is not read"]);
        assert_eq!(error.advice(), Some(SAVE_AS_UTF_8));
    }

    #[test]
    fn syntax_errors_have_their_line() {
        assert_eq!(
            mistake("a = 1\r\nb = hunter2\r\n"),
            "line 2: string values must be quoted, expected literal string"
        );
        assert_eq!(mistake("[a]\n[a]\n"), "line 2: duplicate key");
        assert_eq!(mistake("a = 1\na = 2"), "line 2: duplicate key");
        assert!(mistake("\n\na = \"hunter2").starts_with("line 3: "));
        assert!(mistake("x = [1,\n2\n").starts_with("line "));
        assert_eq!(mistake("a\n"), "line 1: key with no value, expected `=`");
    }

    #[test]
    fn a_windows_path_in_double_quotes_is_explained() {
        let error = tree("a = \"C:\\certs\\ca.pem\"", Path::new("x.toml")).unwrap_err();
        assert_eq!(error.advice(), Some(USE_SINGLE_QUOTES));
    }

    #[test]
    fn a_faulty_line_is_not_repeated() {
        for toml in [
            "p = hunter2",
            "p = \"hunter2",
            "p = 'hunter2' x",
            "p = \"\\hunter2\"",
            "\"hunter2\" 1",
            "p = 2020-99-99hunter2",
            "p = 1hunter2",
            "p = {hunter2}",
        ] {
            let said = format!("{:?}", tree(toml, Path::new("x.toml")).unwrap_err());
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}

//! A wrong command line, told to programs. To people clap tells it.

use crate::cli::{Color, Format, Output};
use crate::error::{Error, Exit, Kind};
use crate::report::Report;

/// Tells it, in JSON.
#[must_use]
pub fn tell(wrong: &clap::Error) -> Exit {
    let output = Output {
        format: Format::Json,
        quiet: false,
        verbose: 0,
        log_file: None,
        color: Color::Never,
    };
    let report = Report::new(&output);
    report.error(&error(&wrong.to_string()));
    report.end("", Exit::Usage);
    Exit::Usage
}

/// clap's first sentence; the rest of its text is the usage.
fn error(text: &str) -> Error {
    let sentence = text.split("\n\n").next().unwrap_or(text).trim();
    let sentence = sentence.strip_prefix("error: ").unwrap_or(sentence);
    let words: Vec<&str> = sentence.split_whitespace().collect();
    Error::new(Kind::Usage, words.join(" ")).hint("see how it is used with: pgsync --help")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usage_is_left_out() {
        let told = error("error: unexpected argument '--ful' found\n\n  tip: x\n\nUsage: y\n");
        assert_eq!(told.message(), "unexpected argument '--ful' found");
    }
}

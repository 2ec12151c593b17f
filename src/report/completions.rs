//! `completions`, told.

use crate::cli::Format;
use crate::report::Report;
use serde_json::json;

/// The script for a shell, as it is.
pub fn script(report: &Report, shell: &str, script: &str) {
    if report.format == Format::Json {
        let line = json!({ "message_type": "completions", "shell": shell, "script": script });
        report.data(&line);
    } else {
        report.raw(script);
    }
}

//! `[log]`: what is left of a run for the next morning.

use super::section::Section;
use std::path::PathBuf;

/// The log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `None`: none is written, unless the command line names one.
    pub file: Option<PathBuf>,
    /// In bytes.
    pub max_size: u64,
    /// How many full ones are kept beside it.
    pub keep: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self { file: None, max_size: 10_000_000, keep: 5 }
    }
}

const MOST_KEPT: u64 = 1_000;

/// Reads `[log]`.
pub(super) fn log(file: &Section<'_>) -> Log {
    let usual = Log::default();
    let Some(section) = file.section("log", &["file", "max_size", "keep"]) else { return usual };
    let folder = section.reading.path.parent().map(PathBuf::from).unwrap_or_default();
    Log {
        file: section.filled_text("file").map(|text| folder.join(text.value.trim())),
        max_size: size(&section, "max_size").unwrap_or(usual.max_size),
        keep: section.integer("keep", 0..=MOST_KEPT).unwrap_or(usual.keep),
    }
}

/// A number of bytes; notes what is none.
fn size(section: &Section<'_>, key: &str) -> Option<u64> {
    if !section.has(key) {
        return None;
    }
    let size = section.text(key).and_then(|text| parse(text.value.trim()));
    if size.is_none() {
        section.mistake(key, "must be a size with its unit, like \"500kB\", \"10MB\" or \"1GB\"");
    }
    size
}

/// From a thousand bytes on: less holds no run.
fn parse(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = match unit.trim_start() {
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit).filter(|size| *size > 0)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{causes, read, with_tables};
    use super::*;

    fn log(lines: &str) -> Log {
        read(&with_tables(&format!("{lines}\n[tables]\na = {{}}"))).unwrap().log
    }

    #[test]
    fn a_log_has_defaults_and_bounds() {
        assert_eq!(log(""), Log::default());
        let told = log("[log]\nfile = \"pgsync.log\"\nmax_size = \"500kB\"\nkeep = 2");
        assert!(told.file.unwrap().ends_with("pgsync.log"));
        assert_eq!((told.max_size, told.keep), (500_000, 2));
        for bad in ["\"5\"", "5", "\"0MB\"", "\"5 bytes\"", "\"99999999999999GB\""] {
            let told =
                causes(&with_tables(&format!("[log]\nmax_size = {bad}\n[tables]\na = {{}}")));
            assert!(
                told.iter().any(|mistake| mistake.contains("max_size in [log] must be a")),
                "{told:?}"
            );
        }
        let told = causes(&with_tables("[log]\nfile = \"\"\nkeep = 1001\n[tables]\na = {}"));
        assert_eq!(told.len(), 2, "{told:?}");
    }
}

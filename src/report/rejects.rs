//! Rejects, told to people, programs and spreadsheets.

use crate::cli::Format;
use crate::metadata::rejects::Reject;
use crate::report::Report;
use crate::report::figures::of;
use crate::report::ink::Ink;
use serde_json::json;

/// Prints them.
pub fn list(report: &Report, rejects: &[Reject], format: Format) {
    match format {
        Format::Text => as_text(report, rejects),
        Format::Json => as_json(report, rejects),
        Format::Csv => as_csv(report, rejects),
    }
}

/// One was taken off the list.
pub fn forgotten(report: &Report, table: &str, key: &str) {
    report.data(&json!({ "message_type": "forgotten", "table": table, "key": key }));
    report.last(
        None,
        format_args!(
            "forgotten: {key} of {table}; it is not tried again until its row changes, or the \
             table is compared in full"
        ),
    );
}

fn as_text(report: &Report, rejects: &[Reject]) {
    let mut before = None;
    for reject in rejects {
        let table = (reject.direction, reject.table.as_str());
        if before.replace(table) != Some(table) {
            report.line(format_args!("{} {}", reject.direction.word(), reject.table));
        }
        let code = reject.sqlstate.as_ref().map_or(String::new(), |code| format!(" ({code})"));
        report.line(format_args!("  {}  {}{code}", reject.key, reject.message));
        report.line(format_args!(
            "    since {} UTC, tried {}, last {} UTC",
            reject.first_seen,
            of(reject.attempts, "time"),
            reject.last_seen
        ));
        report.line(format_args!("    do: {}", advice(reject)));
    }
    if !rejects.is_empty() {
        report.line("");
    }
    let next = if rejects.is_empty() { "" } else { "; every run tries them again" };
    let ink = if rejects.is_empty() { Ink::Good } else { Ink::Warning };
    let rows = of(rejects.len() as u64, "row");
    report.last(Some(ink), format_args!("{rows} rejected{next}"));
}

fn as_json(report: &Report, rejects: &[Reject]) {
    for reject in rejects {
        let row = |text: &Option<String>| {
            text.as_deref().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok())
        };
        report.data(&json!({
            "message_type": "reject",
            "direction": reject.direction.word(),
            "table": reject.table,
            "key": reject.key,
            "reason": reject.reason,
            "sqlstate": reject.sqlstate,
            "message": reject.message,
            "advice": advice(reject),
            "first_seen": reject.first_seen,
            "last_seen": reject.last_seen,
            "attempts": reject.attempts,
            "row": row(&reject.row),
            "standing": row(&reject.standing),
        }));
    }
    report.summarise(&json!({ "rejects": rejects.len() }));
}

const COLUMNS: [&str; 10] = [
    "direction",
    "table",
    "key",
    "reason",
    "sqlstate",
    "message",
    "advice",
    "first_seen_utc",
    "last_seen_utc",
    "row",
];

/// With a mark of UTF-8 and lines that end as in Windows, because Excel takes
/// anything else for another encoding.
fn as_csv(report: &Report, rejects: &[Reject]) {
    let mut text = format!("\u{feff}{}\r\n", COLUMNS.join(","));
    for reject in rejects {
        let cells = [
            reject.direction.word(),
            &reject.table,
            &reject.key,
            &reject.reason,
            reject.sqlstate.as_deref().unwrap_or(""),
            &reject.message,
            &advice(reject),
            &reject.first_seen,
            &reject.last_seen,
            reject.row.as_deref().unwrap_or(""),
        ];
        let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    report.raw(&text);
}

/// A spreadsheet would calculate what begins like a formula, so that gets a
/// letter before it that Excel takes for "this is text".
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// The next step, by what the target said.
///
/// Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(super) fn advice(reject: &Reject) -> String {
    let (source, target) = match reject.direction {
        crate::metadata::Direction::Reverse => ("cloud", "desktop"),
        crate::metadata::Direction::Forward => ("desktop", "cloud"),
    };
    let table = &reject.table;
    match (reject.sqlstate.as_deref(), reject.reason.as_str()) {
        (Some("23502"), _) => format!(
            "give the row a value in that column on the {source}, or a rule for the column in \
             [tables.{table}]"
        ),
        (Some("23503"), _) => format!(
            "bring the row that it points to into the {target} first, or correct what it points \
             to on the {source}"
        ),
        (Some("23505" | "23P01"), _) => format!(
            "another row has the same value; correct one of them, on the {source} or the {target}"
        ),
        (Some("23514"), _) => {
            format!("correct the row on the {source}, or the check on the {target}")
        }
        (Some("22001"), _) => {
            format!("shorten the value on the {source}, or widen the column on the {target}")
        }
        (Some("P0001"), _) => format!(
            "a trigger on the {target} refuses it; do what its message says, on the {source}"
        ),
        (Some(code), _) if code.starts_with("22") => format!(
            "correct the value on the {source}, or give the column on the {target} a type that \
             takes it"
        ),
        (_, "no key") => format!("give the row a whole key on the {source}"),
        (_, "duplicate key") => format!(
            "give all but one of these rows another key on the {source}, or choose with \
             on_duplicate in [tables.{table}]"
        ),
        (_, "key conflict") => {
            "two people took the same number; give one of the two rows another key".to_owned()
        }
        _ => format!("correct the row on the {source}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_cannot_be_left() {
        assert_eq!(cell("plain"), "\"plain\"");
        assert_eq!(cell("say \"hi\", you"), "\"say \"\"hi\"\", you\"");
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
    }
}

//! What became of one row, told to people and programs: first why, in a
//! sentence per direction, then the facts.

mod words;

use crate::engine::explain::fate::Fate;
use crate::engine::explain::{Account, Lookup, Writer};
use crate::metadata::Direction;
use crate::report::Report;
use crate::report::figures::of;
use crate::report::rejects::advice;
use serde_json::{Value, json};
use words::{next, sides, why, word};

/// Tells all of it.
pub fn tell(report: &Report, table: &str, accounts: &[Account]) {
    for account in accounts {
        report.data(&as_data(account));
    }
    let found = accounts.iter().any(|account| account.fate != Fate::Nowhere);
    report.summarise(&json!({ "found": found }));
    for line in lines(table, accounts) {
        report.line(line);
    }
}

fn lines(table: &str, accounts: &[Account]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut before: Option<&Account> = None;
    for account in accounts {
        let same_rows = before.is_some_and(|other| other.key_columns == account.key_columns);
        if !same_rows {
            lines.push(format!("{table} {}: {}", account.key, place(account)));
        }
        before = Some(account);
    }
    for account in accounts {
        lines.push(String::new());
        lines.extend(story(account));
    }
    lines.push(String::new());
    lines.push("facts".to_owned());
    for fact in accounts.iter().flat_map(facts) {
        if !lines.contains(&fact) {
            lines.push(fact);
        }
    }
    if accounts.iter().all(|account| account.fate == Fate::Nowhere) {
        lines.push(String::new());
        lines.extend(tries(table, accounts));
    }
    lines
}

/// The rows in the cloud and on the desktop; `None` where nobody can look.
fn rows(account: &Account) -> (Option<usize>, Option<usize>) {
    let (source, target) = (account.source.len(), account.target.len());
    let looked_for = account.lookup == Lookup::Both;
    match account.direction {
        Direction::Reverse => (Some(source), looked_for.then_some(target)),
        Direction::Forward => (Some(target), Some(source)),
    }
}

/// Where it stands.
fn place(account: &Account) -> &'static str {
    match rows(account) {
        (Some(0), Some(0)) => "neither side has it",
        (Some(0) | None, Some(_)) => "only the desktop has it",
        (Some(0), None) => "the cloud does not have it",
        (_, Some(0)) => "only the cloud has it",
        (_, Some(_)) => "both sides have it",
        (Some(_), None) => "the cloud has it; the desktop has no column for its key",
        (None, None) => "nobody can tell where it is",
    }
}

fn story(account: &Account) -> Vec<String> {
    let (source, target) = sides(account.direction);
    let heading = format!("{} ({source} to {target})", account.direction.word());
    let mut lines = vec![heading, format!("  {}", why(account))];
    for reject in &account.rejects {
        let code = reject.sqlstate.as_ref().map_or(String::new(), |code| format!(" ({code})"));
        lines.push(format!("  rejected: {}{code}", reject.message));
        lines.push(format!("  do: {}", advice(reject)));
    }
    lines.push(format!("  next run: {}", next(account)));
    lines
}

fn facts(account: &Account) -> Vec<String> {
    let direction = account.direction.word();
    let mut facts = vec![format!("  key: {} ({})", account.key, account.key_columns.join(", "))];
    facts.extend(on_cloud(account));
    facts.extend(on_desktop(account));
    if let Some(Writer { run, at }) = &account.delivered {
        facts.push(format!("  brought to the desktop: {at} UTC, run {run}"));
    }
    if !account.differing.is_empty() {
        facts.push(format!("  columns that differ: {}", account.differing.join(", ")));
    }
    facts.push(match &account.synced_up_to {
        Some(up_to) => format!("  {direction} has dealt with everything up to: {up_to} UTC"),
        None => format!("  {direction} has not dealt with this table yet"),
    });
    facts.push(format!("  {direction} reads next: {}", reading(account)));
    for reject in &account.rejects {
        facts.push(format!(
            "  {direction} rejected it: since {} UTC, tried {}, last {} UTC",
            reject.first_seen,
            of(reject.attempts, "time"),
            reject.last_seen
        ));
    }
    facts
}

/// How the next run reads the table, and whether that takes in the row.
fn reading(account: &Account) -> String {
    let how = account.how.to_string();
    let new: Vec<bool> = account.source.iter().filter_map(|row| row.is_new).collect();
    match (new.as_slice(), account.source.is_empty()) {
        ([], true) => how,
        ([], false) => format!("{how}; all rows are looked at"),
        (new, _) if new.contains(&true) => format!("{how}; the row was written since"),
        _ => format!("{how}; the row was written before"),
    }
}

fn on_cloud(account: &Account) -> Option<String> {
    let (rows, owned, writer) = match account.direction {
        Direction::Reverse => {
            let rows = &account.source;
            (rows.len(), rows.iter().any(|row| row.owned), rows.first()?.writer.as_ref())
        }
        Direction::Forward => {
            let rows = &account.target;
            (rows.len(), rows.iter().any(|row| row.protected), rows.first()?.writer.as_ref())
        }
    };
    let whose = if owned { ", belongs to the phones" } else { "" };
    let who = match (writer, owned) {
        (Some(Writer { run, at }), _) => format!("pgsync, {at} UTC, run {run}"),
        (None, true) => "a phone, or somebody else in the cloud".to_owned(),
        (None, false) => "somebody in the cloud, or pgsync long ago".to_owned(),
    };
    Some(format!("  cloud: {}{whose}, last written by {who}", of(rows as u64, "row")))
}

fn on_desktop(account: &Account) -> Option<String> {
    let (rows, writer) = match account.direction {
        Direction::Reverse => (account.target.len(), account.target.first()?.writer.as_ref()),
        Direction::Forward => (account.source.len(), account.source.first()?.writer.as_ref()),
    };
    let who = match writer {
        Some(Writer { run, at }) => format!("pgsync, {at} UTC, run {run}"),
        None => "somebody on the desktop".to_owned(),
    };
    Some(format!("  desktop: {}, last written by {who}", of(rows as u64, "row")))
}

/// What to try where nothing was found.
fn tries(table: &str, accounts: &[Account]) -> Vec<String> {
    let columns = accounts.first().map_or(String::new(), |it| it.key_columns.join(", "));
    vec![
        "what to try".to_owned(),
        format!("  look at the number again: it has to be a value of {columns}"),
        "  a row that its program has not stored for good yet cannot be seen".to_owned(),
        format!("  a row that was set aside is listed by: pgsync rejects {table}"),
    ]
}

/// The same for programs: a line per direction.
fn as_data(account: &Account) -> Value {
    let (cloud, desktop) = rows(account);
    json!({
        "message_type": "explained",
        "table": account.table,
        "direction": account.direction.word(),
        "key": account.key,
        "key_columns": account.key_columns,
        "cloud_rows": cloud,
        "desktop_rows": desktop,
        "fate": word(account.fate),
        "why": why(account),
        "next_run": next(account),
        "how": account.how.to_string(),
        "synced_up_to": account.synced_up_to,
        "delivered_at": account.delivered.as_ref().map(|delivered| &delivered.at),
        "differing_columns": account.differing,
        "rejected": account.rejects.iter().map(|reject| json!({
            "reason": reject.reason,
            "sqlstate": reject.sqlstate,
            "message": reject.message,
            "advice": advice(reject),
        })).collect::<Vec<_>>(),
        "facts": facts(account).iter().map(|fact| fact.trim()).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;

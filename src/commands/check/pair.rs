//! What is good or bad about a pair in one direction: tables, rights, key,
//! columns, change cursor. Pure. Its rows are for `rows`.

use crate::commands::check::rows;
use crate::commands::check::tell::{Teller, here, in_section, on};
use crate::config::{CursorChoice, KeyOrigin, Mode};
use crate::db::catalog::Table;
use crate::db::rights::Rights;
use crate::db::sql::inspect::Duplicates;
use crate::db::sql::mapping::Uniqueness;
use crate::engine::inspection::{Keys, Looked, Size, SourceRows};
use crate::engine::plan::cursor::TransactionIds;
use crate::engine::plan::questions::Asked;
use crate::engine::plan::{self, Pair, TablePlan};
use crate::error::{Error, Kind, Result};
use crate::ident::{Ident, TableName};
use crate::metadata::Direction;
use crate::metadata::migrations::Side;
use crate::report::check::{About, Finding};
use crate::report::figures::{bytes, of, seconds};

/// Everything that is known of a pair in one direction.
pub(super) struct Seen {
    pub(super) direction: Direction,
    /// Its name in the configuration.
    pub(super) section: String,
    pub(super) pair: Pair,
    pub(super) source: End,
    pub(super) target: End,
    /// `None` where a table is missing.
    pub(super) plan: Option<Result<TablePlan>>,
    pub(super) asked: Asked,
    pub(super) size: Looked<Size>,
    pub(super) rows: Looked<SourceRows>,
    pub(super) keys: Looked<Keys>,
}

/// A table of a pair.
pub(super) struct End {
    pub(super) side: Side,
    pub(super) role: String,
    /// Its shape, or why it could not be looked at.
    pub(super) shape: std::result::Result<Option<Table>, String>,
    pub(super) rights: Option<Rights>,
}

/// What is known where only one side answers.
pub(super) struct Half {
    pub(super) direction: Direction,
    pub(super) section: String,
    pub(super) side: Side,
    pub(super) table: TableName,
    pub(super) shape: Result<Option<Table>>,
    pub(super) size: Looked<Size>,
}

impl Seen {
    pub(super) fn plan(&self) -> Option<&TablePlan> {
        self.plan.as_ref()?.as_ref().ok()
    }

    /// The section of the configuration that rules this direction.
    pub(super) fn rules_section(&self) -> String {
        format!("[tables.{}.{}]", self.section, self.direction.word())
    }
}

/// A direction of which nothing could be looked at.
pub(super) fn not_read(direction: Direction, error: &Error) -> Finding {
    let mut teller = Teller::new(About::Direction(direction), None);
    let todo = here(error.advice().unwrap_or("run again: pgsync check"));
    teller.not_started("catalogs", error.one_line(), todo);
    teller.findings.swap_remove(0)
}

/// What one side alone says about a pair.
pub(super) fn half(half: Half) -> Vec<Finding> {
    let mut teller = Teller::new(About::Direction(half.direction), Some(&half.section));
    let word = half.side.word();
    match half.shape {
        Err(error) => teller.not_started("table", error.one_line(), here("pgsync check")),
        Ok(None) => missing(&mut teller, &half.section, half.side, &half.table, &[]),
        Ok(Some(_)) => {
            let size =
                half.size.found().map_or(String::new(), |size| format!(", {}", told_size(*size)));
            let other = "the other side does not answer";
            teller.ok("table", format!("{} is on the {word}{size}; {other}", half.table));
        }
    }
    teller.findings
}

/// What is to be said about a pair; with the names of all tables on both
/// sides, for one that was meant.
pub(super) fn told(seen: &Seen, sources: &[TableName], targets: &[TableName]) -> Vec<Finding> {
    let mut teller = Teller::new(About::Direction(seen.direction), Some(&seen.section));
    let ends =
        [(&seen.source, &seen.pair.source, sources), (&seen.target, &seen.pair.target, targets)];
    for (end, table, known) in ends {
        match &end.shape {
            Ok(Some(_)) => {}
            Ok(None) => missing(&mut teller, &seen.section, end.side, table, known),
            Err(why) => teller.not_started("table", why.clone(), here("pgsync check")),
        }
    }
    match &seen.plan {
        None => {}
        Some(Err(error)) => not_planned(&mut teller, seen, error),
        Some(Ok(plan)) => {
            headline(&mut teller, seen, plan);
            rights(&mut teller, seen, plan);
            key(&mut teller, seen, plan);
            columns(&mut teller, seen, plan);
            cursor(&mut teller, seen);
            rows::told(&mut teller, seen, plan);
        }
    }
    teller.findings
}

fn missing(teller: &mut Teller, section: &str, side: Side, table: &TableName, known: &[TableName]) {
    let word = side.word();
    let names: Vec<String> = known.iter().map(ToString::to_string).collect();
    let names = names.iter().map(String::as_str);
    // A nickname: `mbreminder` for `reminder`.
    let bare = table.table.as_str();
    let meant = crate::config::nearest(bare, names.clone()).or_else(|| {
        names
            .filter(|name| bare.contains(name) || name.contains(bare))
            .max_by_key(|name| name.len())
    });
    let todo = match meant {
        Some(meant) => in_section(format!("[tables.{section}]"), format!("{word} = \"{meant}\"")),
        None => in_section(format!("[tables.{section}]"), format!("{word} = \"NAME\"")),
    };
    teller.misconfigured("table", format!("there is no table {table} on the {word}"), todo);
}

fn not_planned(teller: &mut Teller, seen: &Seen, error: &Error) {
    let causes = error.causes();
    let text = if causes.is_empty() { error.message().to_owned() } else { causes.join(": ") };
    let hint = error.advice().unwrap_or("correct it in the configuration");
    // The engine knows the pair by its target's name, and no direction.
    let name = &seen.pair.name;
    let line = hint
        .replace(&format!("[tables.{name}] columns"), &format!("{} columns", seen.rules_section()))
        .replace(&format!("[tables.{name}]"), &format!("[tables.{}]", seen.section))
        .replace("key = \"...\"", &format!("key = \"{}\"", likely_key(seen)));
    match error.kind() {
        Kind::Start => teller.not_started("plan", text, here(line)),
        _ => teller.misconfigured("plan", text, here(line)),
    }
}

/// A column of both sides that a unique index covers, or that is called like
/// a key.
fn likely_key(seen: &Seen) -> String {
    let shape = |end: &End| end.shape.as_ref().ok().and_then(Clone::clone);
    let (Some(source), Some(target)) = (shape(&seen.source), shape(&seen.target)) else {
        return "...".to_owned();
    };
    let on_both = |name: &str| source.column(name).is_some() && target.column(name).is_some();
    let indexed = [&target, &source].into_iter().flat_map(|table| &table.unique_indexes);
    let indexed = indexed.filter_map(|index| match index.columns.as_slice() {
        [only] if on_both(only) => Some(only.clone()),
        _ => None,
    });
    let called = target.columns.iter().map(|column| column.name.clone());
    let called = called.filter(|name| name.ends_with("id") && on_both(name));
    indexed.chain(called).next().unwrap_or_else(|| "...".to_owned())
}

fn told_size(size: Size) -> String {
    let Size { rows, bytes: number, scan } = size;
    format!("{}, {}, scan {}", of(rows, "row"), bytes(number), seconds(scan))
}

fn headline(teller: &mut Teller, seen: &Seen, plan: &TablePlan) {
    let mode = match plan.mode {
        Mode::Off => "off",
        Mode::InsertMissing => "insert-missing",
        Mode::Upsert => "upsert",
        Mode::Mirror => "mirror",
    };
    let key = match key_names(plan).join(", ") {
        key if key.is_empty() => "whole rows".to_owned(),
        key => key,
    };
    let size = match &seen.size {
        Looked::Found(size) => told_size(*size),
        Looked::LeftOut => "not counted".to_owned(),
        Looked::Refused(failure) => format!("not counted: {failure}"),
    };
    teller.ok("table", format!("{mode} by {key}; {size}; next: {}", plan.how));
}

/// What a direction needs to do with its two tables. A lock that keeps others
/// out needs a right to change rows.
fn rights(teller: &mut Teller, seen: &Seen, plan: &TablePlan) {
    let guarded = plan.mapping.uniqueness == Uniqueness::Indexed;
    let needed = match plan.mode {
        Mode::Off => &["select"][..],
        Mode::InsertMissing if guarded => &["select", "insert"],
        Mode::InsertMissing | Mode::Upsert => &["select", "insert", "update"],
        Mode::Mirror => &["select", "insert", "update", "delete"],
    };
    for (end, table, needed) in [
        (&seen.source, &seen.pair.source, &["select"][..]),
        (&seen.target, &seen.pair.target, needed),
    ] {
        let Some(has) = end.rights else { continue };
        let (role, word) = (quoted(&end.role), end.side.word());
        let lacks = |right: &&&str| match **right {
            "select" => !has.select,
            "insert" => !has.insert,
            "update" => !has.update,
            _ => !has.delete,
        };
        let lacking: Vec<&str> = needed.iter().filter(lacks).copied().collect();
        if !lacking.is_empty() {
            let text = format!("{} may not {} on the {word}", end.role, lacking.join(", "));
            let line = format!("grant {} on {} to {role};", needed.join(", "), table.sql());
            teller.not_started("rights", text, on(end.side, line));
        }
        if has.hidden {
            let text = format!("row level security hides rows of {table} from {}", end.role);
            teller.not_started(
                "rights",
                text,
                on(end.side, format!("alter role {role} bypassrls;")),
            );
        }
    }
}

fn quoted(name: &str) -> String {
    Ident::new(name).map_or_else(|_| "ROLE".to_owned(), |name| name.sql())
}

/// The key's columns as the target calls them.
fn key_names(plan: &TablePlan) -> Vec<String> {
    plan.mapping.key.iter().map(|key| key.target.to_string()).collect()
}

fn key(teller: &mut Teller, seen: &Seen, plan: &TablePlan) {
    if plan.mapping.key.is_empty() {
        return teller.detail("key", "none: rows are compared by their whole content");
    }
    let (source, target) = (seen.source.side.word(), seen.target.side.word());
    let in_fact = |keys: Option<&Keys>| match keys {
        None => "not looked at",
        Some(keys) if keys.shared > 0 => "not unique",
        Some(_) => "unique in fact",
    };
    let is_indexed = seen.asked.questions.duplicates == Duplicates::Impossible;
    let on_source = if is_indexed {
        "unique by index"
    } else {
        in_fact(seen.rows.found().map(|rows| &rows.keys))
    };
    let on_target = match (plan.mapping.uniqueness, seen.pair.rules.keys) {
        (_, KeyOrigin::Delivered) => "kept in pgsync.delivered_keys",
        (Uniqueness::Indexed, _) => "unique by index",
        (Uniqueness::Unguarded, _) => in_fact(seen.keys.found()),
    };
    let key = key_names(plan).join(", ");
    teller.detail("key", format!("key {key}: {source}: {on_source}; {target}: {on_target}"));
}

fn columns(teller: &mut Teller, seen: &Seen, plan: &TablePlan) {
    let (Ok(Some(source)), Ok(Some(target))) = (&seen.source.shape, &seen.target.shape) else {
        return;
    };
    let written = &plan.mapping.columns;
    let mut parts = vec![of(written.len() as u64, "column")];
    let computed = |value: &str| !source.columns.iter().any(|from| quoted(&from.name) == value);
    let mut list = |what: &str, names: Vec<String>| {
        if !names.is_empty() {
            parts.push(format!("{what}: {}", names.join(", ")));
        }
    };
    let converted = written.iter().filter_map(|column| {
        let from = source.columns.iter().find(|from| quoted(&from.name) == column.compared)?;
        let to = target.column(column.target.as_str())?;
        let differ = from.type_name != to.type_name;
        differ.then(|| format!("{} ({} -> {})", column.target, from.type_name, to.type_name))
    });
    list("converted", converted.collect());
    let by_rule = written.iter().filter(|column| computed(&column.compared));
    list("by rule", by_rule.map(|column| column.target.to_string()).collect());
    list("stay behind", plan.left_out.clone());
    let is_written = |name: &str| written.iter().any(|column| column.target.as_str() == name);
    let others = target.columns.iter().filter(|column| !is_written(&column.name));
    list("not written", others.map(|column| column.name.clone()).collect());
    teller.detail("columns", parts.join("; "));
}

fn cursor(teller: &mut Teller, seen: &Seen) {
    let Ok(Some(source)) = &seen.source.shape else { return };
    let choice = &seen.pair.rules.cursor;
    let by_ids = plan::transaction_ids(source) == TransactionIds::Usable;
    let column = plan::cursor_column(choice, source);
    let none = || in_section(seen.rules_section(), "cursor = \"none\"");
    match (choice, by_ids, column) {
        (CursorChoice::Reconcile, _, _) => {
            teller.detail("cursor", "new rows are found by comparing everything, as configured");
        }
        (CursorChoice::Auto, true, _) => {
            teller.detail("cursor", "new rows are found by the server's transaction ids");
        }
        (CursorChoice::Column(column), _, _) => {
            teller.detail("cursor", format!("new rows are found by {column}, as configured"));
        }
        (CursorChoice::Auto, false, Some(column)) => {
            let text = format!(
                "it has no transaction ids, so new rows are found by {column}; one that is \
                 stamped or committed late can be missed"
            );
            let line = format!("cursor = \"{column}\" # or \"none\": compare everything");
            teller.warn("cursor", text, in_section(seen.rules_section(), line));
        }
        (CursorChoice::Auto, false, None) => {
            let text = "it has no transaction ids and no updated_at: every run compares everything";
            teller.warn("cursor", text, none());
        }
    }
}

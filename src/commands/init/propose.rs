//! What to do with each pair: key, modes, and columns that need a rule. Pure:
//! two catalogs and what the rows say in, a proposal out, and a reason with
//! everything that was guessed.

use crate::commands::init::pairing::{By, Shaped};
use crate::config::draft::{DraftForward, DraftReverse, DraftTable};
use crate::db::catalog::{Column, Table};
use crate::engine::inspection::Candidates;
use crate::engine::plan::loss::{Loss, loss};
use crate::ident::Ident;
use crate::report::figures::of;

/// Which rows the phones have made, where a table has the column for it.
pub(super) const MARK: &str = "source = 'M'";
const MARK_COLUMN: &str = "source";
const NOT_MARKED: &str = "source is distinct from 'M'";

/// Columns that the cloud fills by itself, if it has a default for them.
const BOOKKEEPING: [&str; 3] = [MARK_COLUMN, "created_at", "updated_at"];

/// A pair of which something has to be decided.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) desktop: Shaped,
    pub(super) cloud: Shaped,
    pub(super) by: By,
    /// What could be its key.
    pub(super) choices: Vec<Choice>,
}

/// Columns of both sides that could be the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) columns: Vec<Ident>,
    pub(super) origin: Origin,
}

/// Why they could be; the better reason first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    CloudPrimary,
    DesktopPrimary,
    CloudUnique,
    DesktopUnique,
    /// They are called like a key.
    Name,
}

impl Origin {
    fn word(self) -> &'static str {
        match self {
            Self::CloudPrimary => "the primary key in the cloud",
            Self::DesktopPrimary => "the primary key on the desktop",
            Self::CloudUnique => "unique in the cloud",
            Self::DesktopUnique => "unique on the desktop",
            Self::Name => "called like a key, and the one with the most different values",
        }
    }
}

/// What the rows say, in the order of the choices; `None` where it would have
/// taken too long.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    pub(super) desktop: Option<Candidates>,
    /// Of the cloud only how many rows there are, and how many are marked.
    pub(super) cloud: Option<Candidates>,
}

impl Pair {
    pub(super) fn new(desktop: Shaped, cloud: Shaped, by: By) -> Self {
        let choices = choices(&desktop.1, &cloud.1);
        Self { desktop, cloud, by, choices }
    }

    /// Whether rows of the phones can be told in the cloud.
    pub(super) fn has_mark(&self) -> bool {
        has_mark(&self.cloud.1)
    }

    /// The cloud's key, if the desktop has no column for it.
    fn cloud_made_key(&self) -> Option<Vec<Ident>> {
        let key = self.cloud.1.primary_key()?;
        let on_desktop = |name: &String| self.desktop.1.column(name).is_some();
        if key.iter().all(on_desktop) { None } else { idents(key) }
    }
}

fn has_mark(table: &Table) -> bool {
    const TEXTS: [&str; 3] = ["bpchar", "varchar", "text"];
    let column = table.column(MARK_COLUMN).and_then(|column| column.plain_builtin.as_deref());
    column.is_some_and(|name| TEXTS.contains(&name))
}

fn idents(names: &[String]) -> Option<Vec<Ident>> {
    names.iter().map(|name| Ident::new(name).ok()).collect()
}

/// Unique columns of either side that both have; and those that are called
/// like a key.
fn choices(desktop: &Table, cloud: &Table) -> Vec<Choice> {
    let on_both = |name: &String| desktop.column(name).is_some() && cloud.column(name).is_some();
    let mut choices: Vec<Choice> = Vec::new();
    let mut add = |columns: &[String], origin| {
        let known = |columns: &[Ident]| choices.iter().any(|choice| choice.columns == columns);
        if let Some(columns) = idents(columns).filter(|columns| !known(columns)) {
            choices.push(Choice { columns, origin });
        }
    };
    for (table, primary, unique) in [
        (cloud, Origin::CloudPrimary, Origin::CloudUnique),
        (desktop, Origin::DesktopPrimary, Origin::DesktopUnique),
    ] {
        for index in table.unique_indexes.iter().filter(|it| it.columns.iter().all(on_both)) {
            add(&index.columns, if index.primary { primary } else { unique });
        }
    }
    let called = cloud.columns.iter().map(|column| column.name.clone());
    for name in called.filter(|name| on_both(name) && name.to_lowercase().ends_with("id")) {
        add(&[name], Origin::Name);
    }
    choices.sort_by_key(|choice| choice.origin as u8);
    choices
}

/// The key that was chosen, and how often it fails on the desktop.
struct Key<'a> {
    choice: &'a Choice,
    /// Rows of the desktop; `None` where nobody looked.
    counted: Option<Counted>,
}

#[derive(Clone, Copy)]
struct Counted {
    rows: u64,
    nulls: u64,
    /// Rows beyond the first under each key.
    doubles: u64,
}

impl Key<'_> {
    fn is_unique(&self) -> bool {
        self.counted.is_none_or(|counted| counted.doubles == 0)
    }
}

fn counted(rows: &Rows, at: usize) -> Option<Counted> {
    let candidates = rows.desktop.as_ref()?;
    let (nulls, different) = *candidates.counts.get(at)?;
    let rows = candidates.rows;
    Some(Counted { rows, nulls, doubles: rows.saturating_sub(nulls).saturating_sub(different) })
}

/// A declared key before one that is only called so, and a declared one that is
/// unique in fact before any other; of those that are called so the one with
/// the most different values, if that is nearly every row.
fn best_key<'a>(pair: &'a Pair, rows: &Rows) -> Option<Key<'a>> {
    let all = pair.choices.iter().enumerate();
    let keys = all.map(|(at, choice)| Key { choice, counted: counted(rows, at) });
    let (declared, called): (Vec<_>, Vec<_>) =
        keys.partition(|key| key.choice.origin != Origin::Name);
    let unique = declared.iter().position(Key::is_unique).unwrap_or(0);
    if let Some(key) = declared.into_iter().nth(unique) {
        return Some(key);
    }
    let different = |key: &Key<'_>| {
        key.counted.map_or(0, |it| it.rows.saturating_sub(it.nulls).saturating_sub(it.doubles))
    };
    let is_telling = |key: &Key<'_>| {
        key.counted
            .is_some_and(|it| it.rows > 0 && different(key).saturating_mul(10) >= it.rows * 9)
    };
    // Of equals the first: `max_by_key` would take the last.
    called.into_iter().rev().filter(is_telling).max_by_key(different)
}

/// What is proposed for a pair.
pub(super) fn table(pair: &Pair, rows: &Rows) -> DraftTable {
    let mut draft = DraftTable {
        desktop: pair.desktop.0.clone(),
        cloud: pair.cloud.0.clone(),
        guesses: Vec::new(),
        key: Vec::new(),
        owned_by_nobody: !pair.has_mark(),
        reverse: DraftReverse::Off,
        forward: DraftForward::Off,
        reverse_columns: Vec::new(),
        forward_columns: Vec::new(),
    };
    if let By::Likeness(columns) = pair.by {
        let cloud = &pair.cloud.0;
        draft
            .guesses
            .push(format!("it is {cloud} in the cloud: {columns} % of the columns are the same"));
    }
    match (pair.cloud_made_key(), best_key(pair, rows)) {
        (Some(made), key) => cloud_makes_the_key(&mut draft, pair, rows, made, key),
        (None, Some(key)) => both_have_the_key(&mut draft, pair, &key),
        (None, None) => nobody_has_a_key(&mut draft, pair),
    }
    mend_columns(&mut draft, pair);
    draft
}

/// The columns of a mirror tell which row was changed.
fn mirror(pair: &Pair, key: Vec<Ident>) -> DraftForward {
    let filter = has_mark(&pair.desktop.1).then(|| NOT_MARKED.to_owned());
    DraftForward::Mirror { key, filter }
}

fn list(names: &[Ident]) -> String {
    names.iter().map(Ident::to_string).collect::<Vec<_>>().join(", ")
}

fn cloud_makes_the_key(
    draft: &mut DraftTable,
    pair: &Pair,
    rows: &Rows,
    made: Vec<Ident>,
    key: Option<Key<'_>>,
) {
    let made_list = list(&made);
    draft.key = made;
    if !pair.has_mark() {
        draft.guesses.push(format!(
            "off: the cloud makes {made_list} itself, and nothing tells the phones' rows there; a \
             mirror would delete them"
        ));
        return;
    }
    draft.guesses.push(format!(
        "mirror, because the cloud makes {made_list} itself and the desktop has no such column"
    ));
    let also = key.filter(|key| key.choice.origin != Origin::Name && key.is_unique());
    draft.forward = mirror(pair, also.map(|key| key.choice.columns.clone()).unwrap_or_default());
    let marked = rows.cloud.as_ref().map_or(0, |cloud| cloud.marked);
    if marked > 0 {
        let rows = of(marked, "row");
        draft.guesses.push(format!("the phones have made {rows}, which the desktop should get"));
        draft.reverse = DraftReverse::Delivered(MARK.to_owned());
    } else {
        draft.guesses.push("reverse is off, because the phones have made no rows here".to_owned());
    }
}

fn both_have_the_key(draft: &mut DraftTable, pair: &Pair, key: &Key<'_>) {
    let columns = list(&key.choice.columns);
    draft.key.clone_from(&key.choice.columns);
    draft.reverse = DraftReverse::InsertMissing;
    draft.forward = DraftForward::Upsert;
    let why = key.choice.origin.word();
    let fact = match key.counted {
        None => "the desktop's rows were not looked at".to_owned(),
        Some(Counted { rows: 0, .. }) => "the desktop has no rows to tell".to_owned(),
        Some(Counted { rows, nulls: 0, doubles: 0 }) => {
            let rows = of(rows, "row");
            format!("on the desktop no two share it, of {rows}")
        }
        Some(Counted { rows, nulls, doubles }) => {
            format!(
                "of {rows} rows on the desktop {nulls} have none, and {doubles} share another's"
            )
        }
    };
    draft.guesses.push(format!("the key is {columns}: {why}; {fact}"));
    if key.is_unique() {
        return;
    }
    // Where the cloud lets no key stand twice, a mirror could not either.
    let is_unique_there = [Origin::CloudPrimary, Origin::CloudUnique].contains(&key.choice.origin);
    if pair.has_mark() && !is_unique_there {
        draft.guesses.push(format!("mirror, because {columns} stands on several rows"));
        draft.forward = mirror(pair, Vec::new());
    } else {
        draft.guesses.push(format!("rows that share {columns} will be rejected by forward"));
    }
}

fn nobody_has_a_key(draft: &mut DraftTable, pair: &Pair) {
    if pair.has_mark() {
        draft.guesses.push("mirror without reverse, because nothing is a key".to_owned());
        draft.forward = mirror(pair, Vec::new());
    } else {
        draft.guesses.push(
            "off: nothing is a key, and nothing tells the phones' rows in the cloud".to_owned(),
        );
    }
}

/// Whether the cloud fills a column by itself.
pub(super) fn is_bookkeeping(name: &str) -> bool {
    BOOKKEEPING.contains(&name)
}

/// Columns that need a rule: for a part of a value, or because the other side
/// has none. For the latter nobody can guess, so the direction is off.
fn mend_columns(draft: &mut DraftTable, pair: &Pair) {
    let (desktop, cloud) = (&pair.desktop.1, &pair.cloud.1);
    draft.reverse_columns = parts(cloud, desktop);
    draft.forward_columns = parts(desktop, cloud);
    draft.forward_columns.retain(|(name, _)| !is_bookkeeping(name.as_str()));
    for (name, sql) in draft.reverse_columns.iter().chain(&draft.forward_columns) {
        draft.guesses.push(format!("{name} is {sql}: the other side keeps that part only"));
    }
    if let Some(name) = demanded(desktop, cloud).filter(|_| draft.forward != DraftForward::Off) {
        draft.guesses.push(format!(
            "forward is off, because the cloud demands {name}, which the desktop does not have; \
             give it a value, like this: forward = {{ mode = \"upsert\", columns = {{ {name} = \"(SQL over the desktop's row)\" }} }}"
        ));
        draft.forward = DraftForward::Off;
    }
    if let Some(name) = demanded(cloud, desktop).filter(|_| draft.reverse != DraftReverse::Off) {
        draft.guesses.push(format!(
            "reverse is off, because the desktop demands {name}, which the cloud does not have"
        ));
        draft.reverse = DraftReverse::Off;
    }
}

/// Columns of which the target keeps a part only, and the part that is meant.
fn parts(source: &Table, target: &Table) -> Vec<(Ident, String)> {
    let part = |to: &Column| {
        let from = source.column(&to.name)?;
        let name = Ident::new(&to.name).ok()?;
        let sql = name.sql();
        let is_lost = !to.generated && loss(&sql, from, to) == Loss::OfMost;
        is_lost.then(|| (name, format!("{sql}::{}", to.type_name)))
    };
    target.columns.iter().filter_map(part).collect()
}

/// A column that must have a value and gets none.
fn demanded<'a>(source: &Table, target: &'a Table) -> Option<&'a str> {
    let is_demanded = |column: &&Column| {
        let fills_itself = column.has_default || column.identity || column.generated;
        column.not_null && !fills_itself && source.column(&column.name).is_none()
    };
    target.columns.iter().find(is_demanded).map(|column| column.name.as_str())
}

#[cfg(test)]
mod tests;

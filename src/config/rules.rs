//! What one direction does with a pair: as a table says it, over the
//! defaults, and then complete.
//!
//! It knows modes, cursors and column rules, and neither names of tables nor
//! which side is source and target.

use super::nearest::{list, suggestion};
use super::section::{Section, Setting};
use super::{ColumnRule, CursorChoice, KeyOrigin, Mode, OnDuplicate, Rules, Share, SqlFragment};
use crate::ident::Ident;
use indexmap::IndexMap;
use std::time::Duration;

const REVERSE_KEYS: [&str; 7] =
    ["mode", "where", "key", "cursor", "lookback", "delivered", "columns"];
const FORWARD_KEYS: [&str; 8] =
    ["mode", "where", "key", "cursor", "lookback", "columns", "on_duplicate", "max_delete"];
const COLUMN_KEYS: [&str; 5] = ["skip", "from", "sql", "value", "null"];
const REVERSE_MODES: [&str; 2] = ["insert-missing", "off"];
const FORWARD_MODES: [&str; 3] = ["upsert", "mirror", "off"];

/// How far a column cursor looks back if nothing is said: transactions of a
/// phone's application are long over by then.
const LOOKBACK: Duration = Duration::from_secs(15 * 60);

/// The share of a table that a mirror may delete if nothing is said.
const MAX_DELETE: Share = Share { percent: 10 };

/// The two ways rows go, by their keys in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Reverse,
    Forward,
}

impl Direction {
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Reverse => "reverse",
            Self::Forward => "forward",
        }
    }

    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Reverse => &REVERSE_KEYS,
            Self::Forward => &FORWARD_KEYS,
        }
    }

    fn modes(self) -> &'static [&'static str] {
        match self {
            Self::Reverse => &REVERSE_MODES,
            Self::Forward => &FORWARD_MODES,
        }
    }
}

/// Rules as far as one place of the file says them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct WrittenRules {
    mode: Option<Mode>,
    filter: Setting<SqlFragment>,
    cursor: Option<CursorChoice>,
    lookback: Option<Duration>,
    delivered: Option<bool>,
    key: Option<Vec<Ident>>,
    on_duplicate: Option<OnDuplicate>,
    max_delete: Option<Share>,
    columns: IndexMap<Ident, ColumnRule>,
}

impl WrittenRules {
    /// Reads what a table, or the defaults, say about a direction.
    pub(super) fn read(section: &Section<'_>, direction: Direction) -> Self {
        let key = direction.key();
        if !section.has(key) {
            return Self::default();
        }
        if !section.is_table(key) {
            return Self { mode: mode(section, key, direction), ..Self::default() };
        }
        section
            .section(key, direction.keys())
            .map(|rules| Self::read_table(&rules, direction))
            .unwrap_or_default()
    }

    fn read_table(rules: &Section<'_>, direction: Direction) -> Self {
        Self {
            mode: mode(rules, "mode", direction),
            filter: rules.fragment_setting("where"),
            cursor: cursor(rules),
            lookback: rules.duration("lookback"),
            delivered: rules.flag("delivered"),
            key: rules.has("key").then(|| super::pairs::key(rules)),
            on_duplicate: on_duplicate(rules),
            max_delete: max_delete(rules),
            columns: rules.open_section("columns").map(|own| columns(&own)).unwrap_or_default(),
        }
    }

    /// These rules, and the defaults for what they leave open, key by key.
    pub(super) fn over(self, defaults: &Self) -> Self {
        let mut columns = defaults.columns.clone();
        columns.extend(self.columns);
        Self {
            mode: self.mode.or(defaults.mode),
            filter: self.filter.or(defaults.filter.clone()),
            cursor: self.cursor.or_else(|| defaults.cursor.clone()),
            lookback: self.lookback.or(defaults.lookback),
            delivered: self.delivered.or(defaults.delivered),
            key: self.key.or_else(|| defaults.key.clone()),
            on_duplicate: self.on_duplicate.or_else(|| defaults.on_duplicate.clone()),
            max_delete: self.max_delete.or(defaults.max_delete),
            columns,
        }
    }

    /// Whether anything is said at all.
    pub(super) fn say_something(&self) -> bool {
        *self != Self::default()
    }

    /// Whether it is said what to do.
    pub(super) fn have_a_mode(&self) -> bool {
        self.mode.is_some()
    }

    /// The rules with the built-in values for everything that is still open.
    pub(super) fn complete(self) -> Rules {
        let delivered = self.delivered.unwrap_or(false);
        Rules {
            mode: self.mode.unwrap_or(Mode::Off),
            filter: self.filter.into_option(),
            cursor: self.cursor.unwrap_or(CursorChoice::Auto),
            lookback: self.lookback.unwrap_or(LOOKBACK),
            columns: self.columns,
            keys: if delivered { KeyOrigin::Delivered } else { KeyOrigin::Shared },
            key: self.key.unwrap_or_default(),
            on_duplicate: self.on_duplicate.unwrap_or(OnDuplicate::Reject),
            max_delete: self.max_delete.unwrap_or(MAX_DELETE),
        }
    }
}

/// `None` only where no mode is written; for a bad one, which is noted, any
/// will do.
fn mode(section: &Section<'_>, key: &str, direction: Direction) -> Option<Mode> {
    section.has(key).then(|| known_mode(section, key, direction).unwrap_or(Mode::Off))
}

fn known_mode(section: &Section<'_>, key: &str, direction: Direction) -> Option<Mode> {
    let text = section.text(key)?;
    match (text.value.trim(), direction) {
        ("off", _) => Some(Mode::Off),
        ("insert-missing", Direction::Reverse) => Some(Mode::InsertMissing),
        ("upsert", Direction::Forward) => Some(Mode::Upsert),
        ("mirror", Direction::Forward) => Some(Mode::Mirror),
        (word, _) => {
            let (shown, modes) = (text.shown(), direction.modes());
            let way = direction.key();
            section.mistake(
                key,
                &format!("is {shown}, no mode of {way}; {}", suggestion(word, modes)),
            );
            None
        }
    }
}

/// `"reject"`, or `{ latest = "updated_at" }`.
fn on_duplicate(section: &Section<'_>) -> Option<OnDuplicate> {
    if !section.has("on_duplicate") {
        return None;
    }
    if section.is_table("on_duplicate") {
        let latest = section.section("on_duplicate", &["latest"])?;
        return latest.ident("latest").map(OnDuplicate::Latest);
    }
    let text = section.filled_text("on_duplicate")?;
    if text.value.trim() != "reject" {
        section.mistake(
            "on_duplicate",
            "must be \"reject\", or { latest = \"COLUMN\" } to take the row with the highest value there",
        );
    }
    Some(OnDuplicate::Reject)
}

/// A share of a table, like `"10%"`.
fn max_delete(section: &Section<'_>) -> Option<Share> {
    if !section.has("max_delete") {
        return None;
    }
    let text = section.filled_text("max_delete")?;
    let share = text.value.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok());
    let share = share.filter(|percent| *percent <= 100).map(|percent| Share { percent });
    if share.is_none() {
        section.mistake("max_delete", "must be a whole share from \"0%\" to \"100%\"");
    }
    share
}

fn cursor(section: &Section<'_>) -> Option<CursorChoice> {
    let text = section.filled_text("cursor")?;
    match text.value.as_str() {
        "auto" => Some(CursorChoice::Auto),
        "none" => Some(CursorChoice::Reconcile),
        _ => section.ident("cursor").map(CursorChoice::Column),
    }
}

fn columns(section: &Section<'_>) -> IndexMap<Ident, ColumnRule> {
    let rule = |key| Some((section.key_as_ident(key)?, column(section, key)?));
    section.keys().filter_map(rule).collect()
}

/// A text is an expression; everything else is a table with one key.
fn column(section: &Section<'_>, key: &str) -> Option<ColumnRule> {
    if !section.is_table(key) {
        return section.fragment(key).map(ColumnRule::Sql);
    }
    let rule = section.section(key, &COLUMN_KEYS)?;
    if !rule.keys().all(|key| COLUMN_KEYS.contains(&key)) {
        return None;
    }
    match rule.keys().collect::<Vec<_>>().as_slice() {
        ["skip"] => agreed(&rule, "skip").then_some(ColumnRule::Skip),
        ["null"] => agreed(&rule, "null").then_some(ColumnRule::Value(None)),
        ["from"] => rule.ident("from").map(ColumnRule::From),
        ["sql"] => rule.fragment("sql").map(ColumnRule::Sql),
        ["value"] => rule.constant("value").map(|value| ColumnRule::Value(Some(value))),
        _ => {
            rule.own_mistake(&format!("must hold one of {}, and only one", list(&COLUMN_KEYS)));
            None
        }
    }
}

fn agreed(rule: &Section<'_>, key: &str) -> bool {
    let flag = rule.flag(key);
    if flag == Some(false) {
        rule.mistake(key, "can only be true; leave the rule out instead");
    }
    flag == Some(true)
}

#[cfg(test)]
mod tests;

//! One table of the file, read key by key.
//!
//! A [`Section`] hands out values of the kind that is asked for, with their
//! variables put in, and notes what is wrong: unknown keys, other kinds,
//! missing variables, each with its line. It returns `None` both for what is
//! not there and for what is wrong; a file with notes of mistakes is refused
//! at the end anyway, so its readers need not tell the two apart. It does not
//! know which keys there are and what they mean.

use super::duration;
use super::file::{kind, line_at};
use super::fragment::SqlFragment;
use super::nearest::suggestion;
use super::notes::Notes;
use super::variables::{Problem, Variables};
use crate::ident::Ident;
use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What all sections of one file share while it is read.
pub(super) struct Reading<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    pub(super) variables: Variables<'a>,
    pub(super) notes: RefCell<Notes>,
}

/// One table of the file.
pub(super) struct Section<'a> {
    pub(super) reading: &'a Reading<'a>,
    /// The keys that lead here, with dots; nothing for the file itself.
    path: String,
    line: usize,
    table: &'a DeTable<'a>,
}

/// A text with its variables put in. It may be secret, so it has no `Debug`.
pub(super) struct Text {
    pub(super) value: String,
    /// As it stands in the file.
    pub(super) written: String,
    pub(super) line: usize,
    pub(super) variables: Vec<String>,
}

/// Something that a table can leave to the defaults, or switch off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Setting<T> {
    #[default]
    Unsaid,
    Off,
    On(T),
}

impl<T> Setting<T> {
    /// This setting where it says something, else the other one.
    pub(super) fn or(self, default: Self) -> Self {
        if matches!(self, Self::Unsaid) { default } else { self }
    }

    pub(super) fn into_option(self) -> Option<T> {
        if let Self::On(value) = self { Some(value) } else { None }
    }
}

impl Text {
    /// The value for a message, but never one that came from a variable.
    pub(super) fn shown(&self) -> String {
        if self.variables.is_empty() {
            format!("\"{}\"", self.value.escape_debug())
        } else {
            format!("the value of {}", self.variables.join(" and "))
        }
    }
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn root(reading: &'a Reading<'a>, table: &'a DeTable<'a>, known: &[&str]) -> Self {
        let section = Self { reading, path: String::new(), line: 0, table };
        section.note_unknown_keys(known);
        section
    }

    /// The table at `key`, in which only the `known` keys may stand.
    pub(super) fn section(&self, key: &str, known: &[&str]) -> Option<Self> {
        let section = self.open_section(key)?;
        section.note_unknown_keys(known);
        Some(section)
    }

    /// The table at `key`, whose keys are names that people choose.
    pub(super) fn open_section(&self, key: &str) -> Option<Self> {
        let value = self.table.get(key)?;
        let DeValue::Table(table) = value.get_ref() else {
            self.other_kind(key, "a table");
            return None;
        };
        let dot = if self.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{key}", self.path);
        Some(Self { reading: self.reading, path, line: self.line_of(key), table })
    }

    fn note_unknown_keys(&self, known: &[&str]) {
        for (key, _) in self.table {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let line = line_at(self.reading.text, &key.span());
                let shown = shown_key(name);
                let meant = suggestion(name, known);
                self.mistake_at(line, format!("unknown key {shown} {}; {meant}", self.place()));
            }
        }
    }

    /// `in [tables.orgmaster]`, for the end of a sentence.
    fn place(&self) -> String {
        if self.path.is_empty() {
            "at the top level".to_owned()
        } else {
            format!("in {}", self.name())
        }
    }

    /// The table as its header would be written.
    pub(super) fn name(&self) -> String {
        format!("[{}]", self.path)
    }

    /// The line in which this table begins; 0 for the file itself.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// The line of a key; that of the table where the key is missing.
    pub(super) fn line_of(&self, key: &str) -> usize {
        let found = self.table.get_key_value(key);
        found.map_or(self.line, |(key, _)| line_at(self.reading.text, &key.span()))
    }

    /// The keys in the order of the file.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.table.keys().map(|key| key.get_ref().as_ref())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub(super) fn is_table(&self, key: &str) -> bool {
        self.value(key).is_some_and(DeValue::is_table)
    }

    fn value(&self, key: &str) -> Option<&'a DeValue<'a>> {
        self.table.get(key).map(Spanned::get_ref)
    }

    /// Notes what is wrong with the value of a key.
    pub(super) fn mistake(&self, key: &str, what: &str) {
        self.mistake_at(self.line_of(key), format!("{key} {} {what}", self.place()));
    }

    /// Notes what is wrong with this table.
    pub(super) fn own_mistake(&self, what: &str) {
        self.mistake_at(self.line, format!("{} {what}", self.name()));
    }

    pub(super) fn mistake_at(&self, line: usize, what: String) {
        self.reading.notes.borrow_mut().mistake(line, what);
    }

    pub(super) fn warning(&self, key: &str, what: &str) {
        let what = format!("{} {what}", self.name());
        self.reading.notes.borrow_mut().warning(self.line_of(key), &what);
    }

    fn other_kind(&self, key: &str, expected: &str) {
        let found = self.value(key).map_or("nothing", kind);
        self.mistake(key, &format!("must be {expected}, not {found}"));
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Option<Text> {
        let value = self.table.get(key)?;
        let DeValue::String(written) = value.get_ref() else {
            self.other_kind(key, "a text in quotes");
            return None;
        };
        self.fill(key, written, line_at(self.reading.text, &value.span()))
    }

    /// A text that says something.
    pub(super) fn filled_text(&self, key: &str) -> Option<Text> {
        let text = self.text(key)?;
        if text.value.trim().is_empty() {
            self.mistake(key, &format!("must not be empty{}", from_variables(&text)));
            return None;
        }
        Some(text)
    }

    fn fill(&self, key: &str, written: &str, line: usize) -> Option<Text> {
        let filled = self.reading.variables.fill(written);
        for problem in &filled.problems {
            self.note_problem(key, line, problem);
        }
        let mut notes = self.reading.notes.borrow_mut();
        filled.warnings.iter().for_each(|warning| notes.warning(0, warning));
        filled.problems.is_empty().then(|| Text {
            value: filled.value,
            written: written.to_owned(),
            line,
            variables: filled.variables,
        })
    }

    fn note_problem(&self, key: &str, line: usize, problem: &Problem) {
        let mut notes = self.reading.notes.borrow_mut();
        let by =
            if self.path.is_empty() { key.to_owned() } else { format!("{} {key}", self.name()) };
        notes.sentence(line, format!("{problem} (needed by {by}, line {line})"));
        if let Problem::Missing(name) = problem {
            notes.missing_variable(name);
        }
    }

    /// One name of the database.
    pub(super) fn ident(&self, key: &str) -> Option<Ident> {
        let text = self.text(key)?;
        self.to_ident(key, text)
    }

    /// One name or several.
    pub(super) fn idents(&self, key: &str) -> Option<Vec<Ident>> {
        match self.value(key)? {
            DeValue::String(_) => Some(vec![self.ident(key)?]),
            DeValue::Array(_) => {
                self.texts(key)?.into_iter().map(|text| self.to_ident(key, text)).collect()
            }
            _ => {
                self.other_kind(key, "a text or a list of texts");
                None
            }
        }
    }

    /// One text or several.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<Text>> {
        match self.value(key)? {
            DeValue::String(_) => Some(vec![self.text(key)?]),
            DeValue::Array(items) => items.iter().map(|item| self.list_item(key, item)).collect(),
            _ => {
                self.other_kind(key, "a text or a list of texts");
                None
            }
        }
    }

    fn list_item(&self, key: &str, item: &Spanned<DeValue<'a>>) -> Option<Text> {
        let line = line_at(self.reading.text, &item.span());
        let DeValue::String(written) = item.get_ref() else {
            let found = kind(item.get_ref());
            self.mistake_at(line, format!("{key} {} lists {found}, not a text", self.place()));
            return None;
        };
        self.fill(key, written, line)
    }

    fn to_ident(&self, key: &str, text: Text) -> Option<Ident> {
        let shown = text.shown();
        match Ident::new(text.value) {
            Ok(name) => Some(name),
            Err(_) if !text.variables.is_empty() => {
                self.mistake_at(text.line, format!("{key} {}: {shown} is no name", self.place()));
                None
            }
            Err(why) => {
                self.mistake_at(text.line, format!("{key} {}: {why}", self.place()));
                None
            }
        }
    }

    /// The key itself as a name of the database.
    pub(super) fn key_as_ident(&self, key: &str) -> Option<Ident> {
        let line = self.line_of(key);
        let refused = |why| self.mistake_at(line, format!("a key {}: {why}", self.place()));
        Ident::new(key).map_err(refused).ok()
    }

    /// A whole number, also one that a variable holds.
    pub(super) fn integer(&self, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let number = match self.value(key)? {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
            DeValue::Integer(_) => None,
            DeValue::String(_) => self.text(key)?.value.trim().parse().ok(),
            _ => {
                self.other_kind(key, "a whole number");
                return None;
            }
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            self.mistake(key, &format!("must be a whole number from {least} to {most}"));
        }
        number
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        let flag = self.value(key)?.as_bool();
        if flag.is_none() {
            self.other_kind(key, "true or false");
        }
        flag
    }

    /// A span of time.
    pub(super) fn duration(&self, key: &str) -> Option<Duration> {
        if let DeValue::Integer(_) = self.value(key)? {
            self.mistake(key, &format!("has no unit; write {}", duration::SHAPE));
            return None;
        }
        let span = duration::parse(self.text(key)?.value.trim());
        if span.is_none() {
            self.mistake(key, &format!("must be {}", duration::SHAPE));
        }
        span
    }

    /// An SQL expression, or `false` or an empty text for none.
    pub(super) fn fragment_setting(&self, key: &str) -> Setting<SqlFragment> {
        match self.value(key) {
            None => Setting::Unsaid,
            Some(DeValue::Boolean(false)) => Setting::Off,
            Some(DeValue::String(text)) if text.trim().is_empty() => Setting::Off,
            Some(DeValue::String(_)) => self.fragment(key).map_or(Setting::Unsaid, Setting::On),
            Some(_) => {
                self.other_kind(key, "a text in quotes, or false to switch it off");
                Setting::Unsaid
            }
        }
    }

    /// An SQL expression.
    pub(super) fn fragment(&self, key: &str) -> Option<SqlFragment> {
        let text = self.text(key)?;
        let refused = |why| self.mistake_at(text.line, format!("{key} {}: {why}", self.place()));
        SqlFragment::parse(&text.value).map_err(refused).ok()
    }

    /// A text, or a number or truth value in the spelling of the file.
    pub(super) fn constant(&self, key: &str) -> Option<String> {
        match self.value(key)? {
            DeValue::String(_) => self.text(key).map(|text| text.value),
            DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
            DeValue::Float(number) => Some(number.as_str().to_owned()),
            DeValue::Boolean(truth) => Some(truth.to_string()),
            _ => {
                self.other_kind(key, "a text in quotes");
                None
            }
        }
    }
}

/// ` (from CLOUD_DATABASE_URL)` where a value came from a variable.
fn from_variables(text: &Text) -> String {
    if text.variables.is_empty() {
        String::new()
    } else {
        format!(" (it comes from {})", text.variables.join(" and "))
    }
}

/// A key for a message. A quoted key can hold anything, even a misplaced URL
/// with its password, so only what looks like a word is repeated.
fn shown_key(key: &str) -> String {
    let like_a_word =
        key.len() <= 63 && key.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
    if like_a_word { format!("\"{key}\"") } else { "(not a word)".to_owned() }
}

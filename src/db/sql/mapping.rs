//! A pair's columns and key, as both sides spell them.
//!
//! What a statement needs to know of a pair and nothing else: no catalogs, no
//! configuration. `engine::plan` makes a [`Mapping`]; the builders read it.

use crate::branch::Branch;
use crate::db::copy::Format;
use crate::ident::{Ident, TableName, literal};

/// How the rows of a source table become rows of a target table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    pub source: TableName,
    pub target: TableName,
    /// Which source rows are in scope: a closed SQL expression.
    pub scope: Option<String>,
    /// Which source rows belong to the source alone: a closed SQL expression.
    pub owned: Option<String>,
    /// Which target rows are not ours to touch: a closed SQL expression.
    pub protected: Option<String>,
    /// Which source rows came from the target in the first place.
    pub came_back: Option<String>,
    /// Empty only where rows are compared by their whole content.
    pub key: Vec<KeyColumn>,
    /// The target's columns that are written.
    pub columns: Vec<Column>,
    /// How rows (not keys) travel.
    pub format: Format,
    pub existence: Existence,
    pub uniqueness: Uniqueness,
    pub comparison: Comparison,
    pub taking_part: TakingPart,
    /// Whose records on the target are ours.
    pub branch: Branch,
}

/// Which target rows a comparison by key takes in; one by content always
/// leaves out what is not ours to touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakingPart {
    /// All of them: a source row may meet one that is not ours.
    Everything,
    /// Only those that are not protected.
    Unprotected,
}

/// What both sides compare when they are compared in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Which keys there are.
    Keys,
    /// What stands under each key.
    RowsByKey,
    /// Which rows there are, and how often.
    Rows,
}

/// One column of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumn {
    /// An SQL expression over the source row.
    pub source: String,
    /// The type that a key from the target is cast to, to be found again in
    /// the source.
    pub source_type: String,
    /// The target's column; unused where a ledger stands in for it.
    pub target: Ident,
    /// The target's type without length or scale, so that a value that does
    /// not fit is not cut to look like another key.
    pub staged_type: String,
    pub form: Form,
}

/// One written column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub target: Ident,
    /// An SQL expression over the source row, as it is carried.
    pub source: String,
    /// The same as it is compared: not marked where the target would cut it.
    pub compared: String,
    pub form: Form,
    pub update: Update,
}

/// Whether an existing row may be given another value in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    Allowed,
    /// The server hands it out itself (identity).
    Never,
}

/// Where the target says that it has a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existence {
    /// In the key's own columns.
    InTable,
    /// In `pgsync.delivered_keys`: the target has no column for the key.
    InLedger,
}

/// Whether the target itself refuses a second row with the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uniqueness {
    /// A unique index over exactly the key, fit for `on conflict`.
    Indexed,
    /// Nothing does; a lock has to.
    Unguarded,
}

/// The form in which both sides' values of a key column are compared, so that
/// equal keys of different types look equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Integer,
    Numeric,
    Uuid,
    /// A stamp with zone on one side and without on the other.
    Instant,
    Text,
}

impl Form {
    /// A 64-bit hash of `value`, chained behind `seed`.
    ///
    /// The server's own hash functions are the same on every version since 11
    /// and cost a fraction of a digest.
    #[must_use]
    pub fn hash(self, value: &str, seed: &str) -> String {
        match self {
            Self::Integer => format!("hashint8extended(({value})::bigint, {seed})"),
            Self::Numeric => format!("hash_numeric_extended(({value})::numeric, {seed})"),
            Self::Uuid => format!("uuid_hash_extended({value}, {seed})"),
            Self::Instant | Self::Text => {
                format!("hashtextextended({} collate \"C\", {seed})", self.text(value))
            }
        }
    }

    /// The value as text, the same on both sides.
    #[must_use]
    pub fn text(self, value: &str) -> String {
        match self {
            Self::Integer | Self::Uuid | Self::Text => format!("({value})::text"),
            Self::Numeric => format!("trim_scale(({value})::numeric)::text"),
            Self::Instant => format!("(({value})::timestamptz)::text"),
        }
    }
}

/// How many keys share a block, as a power of two.
const BLOCK_BITS: u32 = 6;

/// From whose point of view a key is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View<'a> {
    /// Expressions over a source row.
    Source,
    /// The key's columns of a target row with this alias.
    Target(&'a str),
    /// Columns `k1`, `k2`, ... of a staging table with this alias.
    Staged(&'a str),
}

impl Mapping {
    /// The key's columns as seen from `view`, in order.
    #[must_use]
    pub fn key_in(&self, view: View<'_>) -> Vec<String> {
        let spell = |(index, key): (usize, &KeyColumn)| match view {
            View::Source => key.source.clone(),
            View::Target(alias) => format!("{alias}.{}", key.target.sql()),
            View::Staged(alias) => format!("{alias}.k{}", index + 1),
        };
        self.key.iter().enumerate().map(spell).collect()
    }

    /// A condition that holds when two views mean the same key.
    #[must_use]
    pub fn same_key(&self, left: View<'_>, right: View<'_>) -> String {
        let pairs = self.key_in(left).into_iter().zip(self.key_in(right));
        let equal: Vec<String> = pairs.map(|(left, right)| format!("{left} = {right}")).collect();
        equal.join(" and ")
    }

    /// A condition that holds when every part of the key is there.
    #[must_use]
    pub fn key_is_complete(&self, view: View<'_>) -> String {
        let parts = self.key_in(view);
        let there: Vec<String> = parts.iter().map(|part| format!("{part} is not null")).collect();
        if self.comparison == Comparison::Rows || there.is_empty() {
            return "true".to_owned();
        }
        there.join(" and ")
    }

    /// The written columns as seen from `view`, in order.
    #[must_use]
    pub fn columns_in(&self, view: View<'_>) -> Vec<String> {
        let spell = |(index, column): (usize, &Column)| match view {
            View::Source => column.compared.clone(),
            View::Target(alias) => format!("{alias}.{}", column.target.sql()),
            View::Staged(alias) => format!("{alias}.c{}", index + 1),
        };
        self.columns.iter().enumerate().map(spell).collect()
    }

    /// Whether a column makes two rows different: one that can neither be
    /// updated nor tells rows apart would be found different for ever.
    #[must_use]
    pub fn compares(&self, column: &Column) -> bool {
        let is_key = || self.key.iter().any(|key| key.target == column.target);
        column.update == Update::Allowed || is_key()
    }

    /// A 64-bit hash of the written columns. Every column has a seed of its
    /// own, so that values which change places change the hash.
    #[must_use]
    pub fn row_hash(&self, view: View<'_>) -> String {
        let values = self.columns_in(view).into_iter().zip(&self.columns).enumerate();
        let hashes: Vec<String> = values
            .filter(|(_, (_, column))| self.compares(column))
            .map(|(index, (value, column))| {
                format!("coalesce({}, 0)", column.form.hash(&value, &(index + 1).to_string()))
            })
            .collect();
        format!("({})", hashes.join(" # "))
    }

    /// The hash whose sum over all rows is the same on equal sides.
    #[must_use]
    pub fn content_hash(&self, view: View<'_>) -> String {
        match self.comparison {
            Comparison::Keys => self.key_hash(view),
            Comparison::RowsByKey | Comparison::Rows => self.row_hash(view),
        }
    }

    /// The hash by which rows are put into buckets.
    #[must_use]
    pub fn bucket_hash(&self, view: View<'_>) -> String {
        match self.comparison {
            Comparison::Keys | Comparison::RowsByKey => self.block_hash(view),
            Comparison::Rows => self.row_hash(view),
        }
    }

    /// A hash that a block of neighbouring keys shares, where they are numbers.
    ///
    /// Keys are handed out in order, so what is new lies in few blocks, and a
    /// scan meets the same block many times in a row.
    fn block_hash(&self, view: View<'_>) -> String {
        let last = self.key.len().saturating_sub(1);
        let columns = self.key_in(view).into_iter().zip(&self.key).enumerate();
        columns.fold("0".to_owned(), |seed, (index, (value, key))| match key.form {
            Form::Integer if index == last => {
                key.form.hash(&format!("({value})::bigint >> {BLOCK_BITS}"), &seed)
            }
            _ => key.form.hash(&value, &seed),
        })
    }

    /// The condition for target rows that take part in a comparison.
    #[must_use]
    pub fn compared_on_target(&self) -> String {
        let all = self.comparison != Comparison::Rows && self.taking_part == TakingPart::Everything;
        match &self.protected {
            Some(protected) if !all => format!("not coalesce({protected}, false)"),
            _ => "true".to_owned(),
        }
    }

    /// A 64-bit hash of the whole key.
    #[must_use]
    pub fn key_hash(&self, view: View<'_>) -> String {
        let columns = self.key_in(view).into_iter().zip(&self.key);
        columns.fold("0".to_owned(), |seed, (value, key)| key.form.hash(&value, &seed))
    }

    /// The key as one text, e.g. `["4711"]`: how our own tables keep it.
    #[must_use]
    pub fn key_text(&self, view: View<'_>) -> String {
        let columns = self.key_in(view).into_iter().zip(&self.key);
        let texts: Vec<String> = columns.map(|(value, key)| key.form.text(&value)).collect();
        format!("json_build_array({})::text", texts.join(", "))
    }

    /// `k1, k2, ...`
    #[must_use]
    pub fn staged_key_names(&self) -> String {
        let names: Vec<String> = (1..=self.key.len()).map(|n| format!("k{n}")).collect();
        names.join(", ")
    }

    /// The target's columns, quoted, in a list.
    #[must_use]
    pub fn target_columns(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| column.target.sql()).collect();
        names.join(", ")
    }

    /// The name under which our own tables keep this pair, as a literal.
    #[must_use]
    pub fn ledger_name(&self) -> String {
        literal(&self.branch.ledger(&self.target.to_string()))
    }
}

#[cfg(test)]
pub(crate) mod tests;

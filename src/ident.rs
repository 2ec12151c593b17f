//! Names of things in PostgreSQL, and the one place that quotes them.
//!
//! An [`Ident`] that exists is valid: not empty, no NUL, at most 63 bytes.
//! It has two spellings, one for SQL (always quoted) and one for people.
//! Literals are quoted here too, so that no other file ever adds a quote.
//!
//! Source: <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>

use std::fmt;

/// The longest name that a stock server keeps; it cuts longer ones silently.
const MAX_BYTES: usize = 63;

/// One name: a column, a table, a schema.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ident(String);

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadIdent {
    /// Nothing, or nothing but white space.
    #[error("a name must not be empty")]
    Empty,
    /// The server ends a text at a NUL.
    #[error("the name {0:?} contains a NUL character")]
    Nul(String),
    /// The server would cut it, and could then mean another object.
    #[error("the name \"{0}\" is longer than 63 bytes, which PostgreSQL would cut")]
    TooLong(String),
}

impl Ident {
    /// Takes a name exactly as the catalog spells it, without quotes.
    ///
    /// # Errors
    /// When the text is empty, holds a NUL or is longer than 63 bytes.
    pub fn new(name: impl Into<String>) -> Result<Self, BadIdent> {
        let name = name.into();
        if name.trim().is_empty() {
            Err(BadIdent::Empty)
        } else if name.contains('\0') {
            Err(BadIdent::Nul(name))
        } else if name.len() > MAX_BYTES {
            Err(BadIdent::TooLong(name))
        } else {
            Ok(Self(name))
        }
    }

    /// The name as the catalog holds it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for SQL: always in double quotes.
    #[must_use]
    pub fn sql(&self) -> String {
        format!("\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A table with its schema.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// The schema, `public` if nothing else is said.
    pub schema: Ident,
    /// The table.
    pub table: Ident,
}

impl TableName {
    /// The name for SQL, schema and table in double quotes.
    #[must_use]
    pub fn sql(&self) -> String {
        format!("{}.{}", self.schema.sql(), self.table.sql())
    }
}

/// The name for people: the schema only where it is not `public`.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.schema.as_str() == "public" {
            write!(f, "{}", self.table)
        } else {
            write!(f, "{}.{}", self.schema, self.table)
        }
    }
}

/// A text value as an SQL literal.
///
/// Relies on `standard_conforming_strings = on`, which every session of ours
/// pins. A NUL cannot be part of a text in PostgreSQL; it is left out.
#[must_use]
pub fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\0', "").replace('\'', "''"))
}

/// Several text values as the literal of a one-dimensional array.
///
/// Source: <https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO>
#[must_use]
pub fn array_literal<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let items: Vec<String> = values.into_iter().map(array_item).collect();
    literal(&format!("{{{}}}", items.join(",")))
}

fn array_item(value: Option<&str>) -> String {
    value.map_or_else(
        || "NULL".to_owned(),
        |text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ident(name: &str) -> Ident {
        Ident::new(name).unwrap()
    }

    #[test]
    fn every_name_is_quoted() {
        assert_eq!(ident("order").sql(), "\"order\"");
        assert_eq!(ident("a\"b; drop").sql(), "\"a\"\"b; drop\"");
        let table = TableName { schema: ident("My Schema"), table: ident("t") };
        assert_eq!(table.sql(), "\"My Schema\".\"t\"");
        assert_eq!(table.to_string(), "My Schema.t");
        assert_eq!(TableName { schema: ident("public"), table: ident("t") }.to_string(), "t");
    }

    #[test]
    fn impossible_names_are_refused() {
        assert_eq!(Ident::new(" "), Err(BadIdent::Empty));
        assert_eq!(Ident::new("a\0"), Err(BadIdent::Nul("a\0".to_owned())));
        assert!(matches!(Ident::new("x".repeat(64)), Err(BadIdent::TooLong(_))));
        assert!(Ident::new("\u{0ba4}".repeat(21)).is_ok());
        assert!(Ident::new("\u{0ba4}".repeat(22)).is_err());
    }

    #[test]
    fn literals_cannot_be_left() {
        assert_eq!(literal("it's \\ fine"), "'it''s \\ fine'");
        assert_eq!(literal("a\0b"), "'ab'");
        assert_eq!(
            array_literal([Some("a\"b\\c'd,{}"), None, Some("")]),
            "'{\"a\\\"b\\\\c''d,{}\",NULL,\"\"}'"
        );
    }
}

//! `pgsync explain`: why a row did or did not arrive. Reads only.

use crate::cli;
use crate::commands::pairs;
use crate::commands::verify::Sides;
use crate::config::Config;
use crate::engine::explain::Inquiry;
use crate::error::{Error, Exit, Kind, Result};
use crate::metadata::Direction;
use crate::report::Report;
use crate::report::explain as told;
use std::slice;

const APPLICATION: &str = "pgsync explain";

/// Explains one row.
///
/// # Errors
/// When a side cannot be reached, the table is unknown, or the key is none.
pub async fn run(config: &Config, arguments: &cli::Explain, report: &Report) -> Result<Exit> {
    let asked = slice::from_ref(&arguments.table);
    let reverse = pairs::among(config, Direction::Reverse, asked)?;
    let forward = pairs::among(config, Direction::Forward, asked)?;
    let typed = Typed::read(&arguments.key);
    let mut sides = Sides::open(config, APPLICATION).await?;
    let mut plans = Vec::new();
    for (direction, pair) in [(Direction::Reverse, reverse), (Direction::Forward, forward)] {
        if let Some(pair) = pair.first() {
            plans.push((direction, inquiry(&mut sides, direction).plan(pair).await?));
        }
    }
    let keys = plans.iter().map(|(_, asked)| asked.key_columns()).collect();
    let mut accounts = Vec::new();
    for (direction, asked) in &plans {
        if let Some(key) = typed.as_key(asked.key_columns().len(), &keys) {
            accounts.push(inquiry(&mut sides, *direction).about(asked, &key).await?);
        }
    }
    sides.close().await;
    if accounts.is_empty() {
        return Err(no_key(arguments, &keys));
    }
    told::tell(report, &arguments.table, &accounts);
    Ok(Exit::Done)
}

fn inquiry(sides: &mut Sides, direction: Direction) -> Inquiry<'_> {
    let (source, target) = sides.of(direction);
    Inquiry { direction, source, target }
}

/// The columns of a table's keys: both directions may have one.
type Keys = Vec<Vec<String>>;

/// A key as somebody typed it.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    /// As the lists show it: `["12","x"]`.
    Listed(Vec<Option<String>>),
    /// `4711`, or `12,x`.
    Plain(String),
}

impl Typed {
    fn read(text: &str) -> Self {
        serde_json::from_str(text).map_or_else(|_| Self::Plain(text.to_owned()), Self::Listed)
    }

    /// A text for each of so many columns, if it is a key of so many. A comma
    /// is a part of the text where no key of the table has so many columns.
    fn as_key(&self, columns: usize, keys: &Keys) -> Option<Vec<String>> {
        let parts: Vec<String> = match self {
            Self::Listed(parts) => parts.iter().cloned().collect::<Option<_>>()?,
            Self::Plain(text) => {
                let parts = text.split(',').map(|part| part.trim().to_owned());
                let parts: Vec<String> = parts.collect();
                let fits = keys.iter().any(|key| key.len() == parts.len());
                if fits { parts } else { vec![text.clone()] }
            }
        };
        (parts.len() == columns && columns > 0).then_some(parts)
    }
}

/// The error for a key that fits neither direction.
fn no_key(arguments: &cli::Explain, keys: &Keys) -> Error {
    let cli::Explain { table, key } = arguments;
    let error = Error::new(Kind::Usage, format!("could not look for key {key} in {table}"));
    let mut keys: Vec<&Vec<String>> = keys.iter().filter(|key| !key.is_empty()).collect();
    keys.dedup();
    let Some(first) = keys.first() else {
        return error.because_text("its rows have no key, and go by their content").hint(format!(
            "name columns that tell its rows apart: [tables.{table}.forward] key = [...]"
        ));
    };
    if matches!(Typed::read(key), Typed::Listed(parts) if parts.contains(&None)) {
        return error
            .because_text("a column of the key is NULL, and nobody can tell such rows apart")
            .hint(format!("to see them, run: pgsync rejects {table}"));
    }
    let columns: Vec<String> = keys.iter().map(|columns| columns.join(", ")).collect();
    let example: Vec<String> = first.iter().map(|column| format!("<{column}>")).collect();
    error
        .because_text(format!("its key is: {}", columns.join("; or ")))
        .hint(format!("run: pgsync explain {table} {}", example.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_be_typed_short_or_as_the_lists_show_it() {
        let key = |text: &str, columns: usize| {
            let keys = vec![vec![String::new()], vec![String::new(); columns]];
            Typed::read(text).as_key(columns, &keys)
        };
        let parts = |parts: &[&str]| Some(parts.iter().map(ToString::to_string).collect());
        assert_eq!(key("4711", 1), parts(&["4711"]));
        assert_eq!(key("a, b", 1), parts(&["a, b"]));
        assert_eq!(key("12, x", 2), parts(&["12", "x"]));
        assert_eq!(key("[\"12\",\"x\"]", 2), parts(&["12", "x"]));
        assert_eq!(key("[\"12\"]", 2), None);
        assert_eq!(key("[null]", 1), None);
        assert_eq!(key("12", 2), None);
        assert_eq!(key("12", 0), None);
    }
}

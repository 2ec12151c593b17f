//! From table pairs, which know desktop and cloud, to the engine's pairs,
//! which know source and target.

use crate::config::{Config, Mode, SqlFragment, TablePair};
use crate::engine::plan::Pair;
use crate::error::{Error, Kind, Result};
use crate::metadata::Direction;

/// The pairs that take part in a direction: those that were asked for, or all.
///
/// # Errors
/// When a name is unknown, or its pair is switched off.
pub fn of(config: &Config, direction: Direction, asked: &[String]) -> Result<Vec<Pair>> {
    let chosen: Vec<&TablePair> = if asked.is_empty() {
        config.pairs.iter().filter(|pair| is_on(pair, direction)).collect()
    } else {
        asked.iter().map(|name| named(config, direction, name)).collect::<Result<_>>()?
    };
    if chosen.is_empty() {
        return Err(nothing_is_on(config, direction));
    }
    let mut pairs: Vec<Pair> = Vec::new();
    for pair in chosen {
        if !pairs.iter().any(|known| known.target == *target(pair, direction)) {
            pairs.push(seen_from(pair, direction));
        }
    }
    Ok(pairs)
}

fn is_on(pair: &TablePair, direction: Direction) -> bool {
    let rules = match direction {
        Direction::Reverse => &pair.reverse,
        Direction::Forward => &pair.forward,
    };
    rules.mode != Mode::Off
}

fn target(pair: &TablePair, direction: Direction) -> &crate::ident::TableName {
    match direction {
        Direction::Reverse => &pair.desktop,
        Direction::Forward => &pair.cloud,
    }
}

fn named<'a>(config: &'a Config, direction: Direction, name: &str) -> Result<&'a TablePair> {
    let pair = config.pair(name).ok_or_else(|| unknown(config, name))?;
    if is_on(pair, direction) {
        return Ok(pair);
    }
    let word = direction.word();
    Err(Error::new(Kind::Usage, format!("could not run {word} for {name}"))
        .because_text(format!("{word} is off for this table in {}", config.path.display()))
        .hint(format!(
            "set {word} = \"{}\" in [tables.{name}], or leave the table out",
            usual_mode(direction)
        )))
}

/// The error for a table that the configuration does not know.
#[must_use]
pub fn unknown(config: &Config, name: &str) -> Error {
    let error = Error::new(Kind::Usage, format!("could not find table {name}"))
        .because_text(format!("it is not in {}", config.path.display()));
    match config.nearest_pair(name) {
        Some(nearest) => error.hint(format!("did you mean {nearest}?")),
        None => error.hint("add it under [tables]"),
    }
}

fn nothing_is_on(config: &Config, direction: Direction) -> Error {
    let word = direction.word();
    Error::new(Kind::Usage, format!("could not find a table for {word}"))
        .because_text(format!("none in {} takes part in it", config.path.display()))
        .hint(format!("set {word} = \"{}\" for a table under [tables]", usual_mode(direction)))
}

fn usual_mode(direction: Direction) -> &'static str {
    match direction {
        Direction::Reverse => "insert-missing",
        Direction::Forward => "upsert",
    }
}

fn seen_from(pair: &TablePair, direction: Direction) -> Pair {
    let (source, target, rules) = match direction {
        Direction::Reverse => (&pair.cloud, &pair.desktop, &pair.reverse),
        Direction::Forward => (&pair.desktop, &pair.cloud, &pair.forward),
    };
    let owned = |by: Direction| {
        pair.owned_by_cloud.as_ref().filter(|_| by == direction).map(SqlFragment::sql)
    };
    Pair {
        name: target.to_string(),
        source: source.clone(),
        target: target.clone(),
        key: pair.key.clone(),
        owned_by_source: owned(Direction::Reverse),
        owned_by_target: owned(Direction::Forward),
        rules: rules.clone(),
    }
}

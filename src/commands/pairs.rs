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
    if asked.is_empty() {
        let pairs = all(config, direction);
        return if pairs.is_empty() { Err(nothing_is_on(config, &[direction])) } else { Ok(pairs) };
    }
    let chosen = asked.iter().map(|name| named(config, direction, name));
    let chosen: Vec<&TablePair> = chosen.collect::<Result<_>>()?;
    let mut pairs: Vec<Pair> = Vec::new();
    for pair in chosen {
        if !pairs.iter().any(|known| known.target == *target(pair, direction)) {
            pairs.push(seen_from(pair, direction));
        }
    }
    Ok(pairs)
}

/// The pairs that take part in a direction, of those that were asked for, or
/// of all; none if it is off for them.
///
/// # Errors
/// When a name is unknown, or its pair takes part in neither direction.
pub fn among(config: &Config, direction: Direction, asked: &[String]) -> Result<Vec<Pair>> {
    if asked.is_empty() {
        return Ok(all(config, direction));
    }
    let mut pairs: Vec<Pair> = Vec::new();
    for name in asked {
        let pair = config.pair(name).ok_or_else(|| unknown(config, name))?;
        if !is_on(pair, Direction::Reverse) && !is_on(pair, Direction::Forward) {
            return Err(off(config, name));
        }
        let new = !pairs.iter().any(|known| known.target == *target(pair, direction));
        if new && is_on(pair, direction) {
            pairs.push(seen_from(pair, direction));
        }
    }
    Ok(pairs)
}

fn off(config: &Config, name: &str) -> Error {
    Error::new(Kind::Usage, format!("could not look at {name}"))
        .because_text(format!("both directions are off for it in {}", config.path.display()))
        .hint(format!("set reverse or forward in [tables.{name}]"))
}

/// All pairs that take part in a direction.
#[must_use]
pub fn all(config: &Config, direction: Direction) -> Vec<Pair> {
    let on = config.pairs.iter().filter(|pair| is_on(pair, direction));
    on.map(|pair| seen_from(pair, direction)).collect()
}

/// Those of these pairs that take part in a direction, with the pair that each
/// came from.
#[must_use]
pub fn taking_part<'a>(
    pairs: &[&'a TablePair],
    direction: Direction,
) -> Vec<(&'a TablePair, Pair)> {
    let on = pairs.iter().filter(|pair| is_on(pair, direction));
    on.map(|pair| (*pair, seen_from(pair, direction))).collect()
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

/// The error for a configuration in which no table takes part in a direction.
#[must_use]
pub fn nothing_is_on(config: &Config, directions: &[Direction]) -> Error {
    let words: Vec<&str> = directions.iter().map(|direction| direction.word()).collect();
    let setting = |way: &Direction| format!("{} = \"{}\"", way.word(), usual_mode(*way));
    let settings: Vec<String> = directions.iter().map(setting).collect();
    Error::new(Kind::Usage, format!("could not find a table for {}", words.join(" or ")))
        .because_text(format!("none in {} takes part in it", config.path.display()))
        .hint(format!("set {} for a table under [tables]", settings.join(" or ")))
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
    let owned = pair.owned_by_cloud.as_ref().map(SqlFragment::sql);
    let mut rules = rules.clone();
    rules.filter = both(rules.filter, pair.scope.as_ref());
    Pair {
        name: target.to_string(),
        source: source.clone(),
        target: target.clone(),
        key: pair.key.clone(),
        owned_by_source: owned.clone().filter(|_| direction == Direction::Reverse),
        owned_by_target: match direction {
            Direction::Reverse => None,
            Direction::Forward => not_ours(owned, pair.scope.as_ref()),
        },
        rules,
    }
}

fn both(filter: Option<SqlFragment>, scope: Option<&SqlFragment>) -> Option<SqlFragment> {
    match (filter, scope) {
        (Some(filter), Some(scope)) => Some(filter.and(scope)),
        (filter, scope) => filter.or_else(|| scope.cloned()),
    }
}

/// The cloud's rows that this desktop must not touch: the phones', and those
/// of other desktops.
fn not_ours(owned: Option<String>, scope: Option<&SqlFragment>) -> Option<String> {
    let beyond = scope.map(|scope| format!("{} is not true", scope.sql()));
    match (owned, beyond) {
        (Some(owned), Some(beyond)) => Some(format!("({owned} or {beyond})")),
        (owned, beyond) => owned.or(beyond.map(|beyond| format!("({beyond})"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(text: &str) -> SqlFragment {
        SqlFragment::parse(text).unwrap()
    }

    #[test]
    fn a_scope_narrows_what_is_read_and_what_is_touched() {
        let (phones, scope) = ("(source = 'M')".to_owned(), fragment("org_id = 5"));
        assert_eq!(
            not_ours(Some(phones.clone()), Some(&scope)).unwrap(),
            "((source = 'M') or (org_id = 5) is not true)"
        );
        assert_eq!(not_ours(None, Some(&scope)).unwrap(), "((org_id = 5) is not true)");
        assert_eq!(not_ours(Some(phones.clone()), None).unwrap(), phones);
        assert_eq!(not_ours(None, None), None);
        let filter = both(Some(fragment("a or b")), Some(&scope));
        assert_eq!(filter.unwrap().sql(), "((a or b) and (org_id = 5))");
        assert_eq!(both(None, Some(&scope)).unwrap().sql(), "(org_id = 5)");
    }
}

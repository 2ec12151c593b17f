//! Which table of the desktop is which table of the cloud: by name, else by
//! likeness of names and columns. Pure.

use crate::db::catalog::Table;
use crate::ident::TableName;

/// A table with its shape.
pub(super) type Shaped = (TableName, Table);

/// A pair, by their places in the two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) desktop: usize,
    pub(super) cloud: usize,
    pub(super) by: By,
}

/// Why two tables are thought to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Name,
    /// So many of a hundred columns are called the same.
    Likeness(u64),
}

/// Pairs the tables; the order is that of the desktop.
pub(super) fn pairs(desktop: &[Shaped], cloud: &[Shaped]) -> Vec<Match> {
    let mut found: Vec<Match> = Vec::new();
    let names = |one: &Shaped| one.0.table.as_str().to_lowercase();
    for (at, one) in desktop.iter().enumerate() {
        let free = |place: &usize| !found.iter().any(|pair| pair.cloud == *place);
        let same: Vec<usize> = (0..cloud.len())
            .filter(free)
            .filter(|place| cloud.get(*place).is_some_and(|other| names(other) == names(one)))
            .collect();
        let same_schema =
            |place: &&usize| cloud.get(**place).is_some_and(|other| other.0.schema == one.0.schema);
        if let Some(place) = same.iter().find(same_schema).or(same.first()) {
            found.push(Match { desktop: at, cloud: *place, by: By::Name });
        }
    }
    add_likely(&mut found, desktop, cloud);
    found.sort_by_key(|pair| pair.desktop);
    found
}

/// The likeliest pair first, until none is likely.
fn add_likely(found: &mut Vec<Match>, desktop: &[Shaped], cloud: &[Shaped]) {
    let mut likely: Vec<(u64, Match)> = Vec::new();
    for (at, one) in desktop.iter().enumerate() {
        for (place, other) in cloud.iter().enumerate() {
            if let Some((likeness, columns)) = likeness(one, other) {
                let by = By::Likeness(columns);
                likely.push((likeness, Match { desktop: at, cloud: place, by }));
            }
        }
    }
    likely.sort_by_key(|(likeness, pair)| (std::cmp::Reverse(*likeness), pair.desktop));
    for (_, pair) in likely {
        let is_taken =
            found.iter().any(|known| known.desktop == pair.desktop || known.cloud == pair.cloud);
        if !is_taken {
            found.push(pair);
        }
    }
}

/// How alike two tables are, and how many of a hundred columns they share;
/// nothing if they are hardly the same.
fn likeness(one: &Shaped, other: &Shaped) -> Option<(u64, u64)> {
    const COLUMNS: u64 = 60;
    const NAMES: u64 = 50;
    let columns = shared_columns(&one.1, &other.1);
    let names = alike(one.0.table.as_str(), other.0.table.as_str());
    (columns >= COLUMNS && names >= NAMES).then_some((columns + names, columns))
}

/// How many of a hundred columns both have. What nearly every table has says
/// nothing.
fn shared_columns(one: &Table, other: &Table) -> u64 {
    const EVERYWHERE: [&str; 3] = ["source", "created_at", "updated_at"];
    let telling = |table: &Table| -> Vec<String> {
        let names = table.columns.iter().map(|column| column.name.to_lowercase());
        names.filter(|name| !EVERYWHERE.contains(&name.as_str())).collect()
    };
    let (one, other) = (telling(one), telling(other));
    let both = one.iter().filter(|name| other.contains(name)).count();
    let all = one.len() + other.len() - both;
    (both * 100).checked_div(all).unwrap_or(0) as u64
}

/// How alike two names are, of a hundred: `mbreminder` and `reminder`.
fn alike(one: &str, other: &str) -> u64 {
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    let (short, long) = if one.len() < other.len() { (&one, &other) } else { (&other, &one) };
    if short.len() >= 3 && (long.ends_with(short.as_str()) || long.starts_with(short.as_str())) {
        return 90;
    }
    let longest = one.chars().count().max(other.chars().count()).max(1);
    let differing = strsim::damerau_levenshtein(&one, &other).min(longest);
    ((longest - differing) * 100 / longest) as u64
}

#[cfg(test)]
mod tests {
    use super::super::testing::{shaped, table_with};
    use super::*;

    fn paired(desktop: &[(&str, &str)], cloud: &[(&str, &str)]) -> Vec<String> {
        let list = |tables: &[(&str, &str)]| -> Vec<Shaped> {
            tables.iter().map(|(name, columns)| shaped(name, table_with(columns))).collect()
        };
        let (desktop, cloud) = (list(desktop), list(cloud));
        pairs(&desktop, &cloud)
            .iter()
            .map(|pair| {
                let by = match pair.by {
                    By::Name => "=".to_owned(),
                    By::Likeness(columns) => columns.to_string(),
                };
                format!("{} {by} {}", desktop[pair.desktop].0, cloud[pair.cloud].0)
            })
            .collect()
    }

    #[test]
    fn the_same_name_is_the_same_table() {
        assert_eq!(
            paired(&[("a", "x"), ("B", "y")], &[("b", "z"), ("a", "q")]),
            ["a = a", "B = b"]
        );
    }

    #[test]
    fn nicknames_are_found_by_their_columns() {
        let reminder = "rem_id staff_id remdate source";
        let detail = "remdetid rem_id response source";
        assert_eq!(
            paired(
                &[("mbremdetail", detail), ("mbreminder", reminder), ("other", reminder)],
                &[("reminder", reminder), ("remdetail", detail), ("unlike", "a b c")],
            ),
            ["mbremdetail 100 remdetail", "mbreminder 100 reminder"]
        );
        assert_eq!(paired(&[("mbreminder", "a b c")], &[("reminder", "x y z")]), [""; 0]);
    }
}

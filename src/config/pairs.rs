//! The table pairs: names on both sides, keys, owners, and the rules of both
//! directions under the defaults.
//!
//! It checks what can be known without a database; whether the tables and
//! columns are there is seen later.

use super::rules::{Direction, WrittenRules};
use super::section::{Section, Setting};
use super::{SqlFragment, TablePair};
use crate::ident::{Ident, TableName};
use std::collections::HashMap;

const DEFAULT_KEYS: [&str; 7] =
    ["schema", "desktop_schema", "cloud_schema", "owned_by_cloud", "scope", "reverse", "forward"];

const KEYS: [&str; 10] = [
    "desktop",
    "cloud",
    "schema",
    "desktop_schema",
    "cloud_schema",
    "key",
    "owned_by_cloud",
    "scope",
    "reverse",
    "forward",
];

/// What holds for every table that says nothing else.
#[derive(Default)]
struct Defaults {
    desktop_schema: Option<Ident>,
    cloud_schema: Option<Ident>,
    owned_by_cloud: Setting<SqlFragment>,
    scope: Setting<SqlFragment>,
    reverse: WrittenRules,
    forward: WrittenRules,
}

/// Reads all pairs, in the order of the file.
pub(super) fn pairs(file: &Section<'_>) -> Vec<TablePair> {
    let defaults = file.section("defaults", &DEFAULT_KEYS).map(|section| defaults(&section));
    let defaults = defaults.unwrap_or_default();
    let Some(tables) = file.open_section("tables") else {
        if !file.has("tables") {
            file.mistake_at(
                0,
                "the section [tables] with at least one table is missing".to_owned(),
            );
        }
        return Vec::new();
    };
    if tables.keys().next().is_none() {
        tables.own_mistake("holds no table");
    }
    let mut seen = Seen::default();
    tables.keys().filter_map(|label| pair(&tables, label, &defaults, &mut seen)).collect()
}

fn defaults(section: &Section<'_>) -> Defaults {
    Defaults {
        desktop_schema: schema(section, "desktop_schema"),
        cloud_schema: schema(section, "cloud_schema"),
        owned_by_cloud: section.fragment_setting("owned_by_cloud"),
        scope: section.fragment_setting("scope"),
        reverse: WrittenRules::read(section, Direction::Reverse),
        forward: WrittenRules::read(section, Direction::Forward),
    }
}

/// The schema of one side; `schema` alone speaks for both.
fn schema(section: &Section<'_>, side: &str) -> Option<Ident> {
    section.ident(if section.has(side) { side } else { "schema" })
}

fn pair(
    tables: &Section<'_>,
    label: &str,
    defaults: &Defaults,
    seen: &mut Seen,
) -> Option<TablePair> {
    let section = tables.section(label, &KEYS)?;
    let desktop = table_name(tables, &section, label, "desktop", defaults.desktop_schema.as_ref());
    let cloud = table_name(tables, &section, label, "cloud", defaults.cloud_schema.as_ref());
    let rules = |direction, defaults| rules(&section, direction, defaults);
    let reverse = rules(Direction::Reverse, &defaults.reverse);
    let forward = rules(Direction::Forward, &defaults.forward);
    let owner = section.fragment_setting("owned_by_cloud").or(defaults.owned_by_cloud.clone());
    let scope = section.fragment_setting("scope").or(defaults.scope.clone());
    let key = key(&section);
    let pair = TablePair {
        desktop: desktop?,
        cloud: cloud?,
        key,
        owned_by_cloud: owner.into_option(),
        scope: scope.into_option(),
        reverse: reverse.complete(),
        forward: forward.complete(),
    };
    seen.note(&section, &pair);
    Some(pair)
}

/// The table of one side: its own name, or the label.
fn table_name(
    tables: &Section<'_>,
    section: &Section<'_>,
    label: &str,
    side: &str,
    default_schema: Option<&Ident>,
) -> Option<TableName> {
    let own = section.has(side);
    let table = if own { section.ident(side) } else { tables.key_as_ident(label) }?;
    let schema = schema(section, &format!("{side}_schema"))
        .or_else(|| default_schema.cloned())
        .or_else(|| Ident::new("public").ok())?;
    if table.as_str().contains('.') {
        let what = "has a table name with a dot; a schema has its own key, schema";
        section.warning(side, what);
    }
    Some(TableName { schema, table })
}

fn rules(section: &Section<'_>, direction: Direction, defaults: &WrittenRules) -> WrittenRules {
    let own = WrittenRules::read(section, direction);
    let says_something = own.say_something();
    let rules = own.over(defaults);
    if says_something && !rules.have_a_mode() {
        section.mistake(direction.key(), "says how, but not what to do; add a mode");
    }
    rules
}

/// The columns of a key; empty where nothing is said.
pub(super) fn key(section: &Section<'_>) -> Vec<Ident> {
    let Some(key) = section.idents("key") else { return Vec::new() };
    if key.is_empty() {
        section.mistake("key", "is an empty list; leave it out for the table's primary key");
    }
    for (index, column) in key.iter().enumerate() {
        if key.iter().take(index).any(|earlier| earlier == column) {
            section.mistake("key", &format!("names {column} twice"));
        }
    }
    key
}

/// The tables of earlier pairs, and which pair it was.
///
/// Two pairs over one table would each count the other's rows as missing or
/// as there, and write two watermarks under one name.
#[derive(Default)]
struct Seen {
    desktop: HashMap<TableName, (String, usize)>,
    cloud: HashMap<TableName, (String, usize)>,
}

impl Seen {
    fn note(&mut self, section: &Section<'_>, pair: &TablePair) {
        let sides = [
            (&mut self.desktop, "desktop", &pair.desktop),
            (&mut self.cloud, "cloud", &pair.cloud),
        ];
        for (seen, side, table) in sides {
            if let Some((other, line)) = seen.get(table) {
                section.own_mistake(&format!(
                    "means the {side} table {table}, as {other} in line {line} already does"
                ));
            } else {
                seen.insert(table.clone(), (section.name(), section.line()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{causes, config, pair, read, with_tables};
    use super::*;

    fn names(text: &str) -> Vec<(String, String)> {
        let config = read(text).unwrap();
        let both = |pair: &TablePair| (pair.desktop.to_string(), pair.cloud.to_string());
        config.pairs.iter().map(both).collect()
    }

    #[test]
    fn the_common_pair_is_one_line() {
        let text = with_tables(
            "[defaults]\nowned_by_cloud = \"source = 'M'\"\n\
                                [tables]\norgmaster = { key = \"org_id\" }",
        );
        let pair = pair(&text, "orgmaster");
        assert_eq!(pair.desktop.sql(), "\"public\".\"orgmaster\"");
        assert_eq!(pair.cloud, pair.desktop);
        assert_eq!(pair.key, [Ident::new("org_id").unwrap()]);
        assert_eq!(pair.owned_by_cloud.unwrap().sql(), "(source = 'M')");
    }

    #[test]
    fn names_and_schemas_go_from_the_table_to_the_defaults() {
        let text = with_tables(
            "[defaults]\nschema = \"a\"\ncloud_schema = \"b\"\n[tables]\n\
             t = {}\nu = { cloud = \"v\", schema = \"c\" }\n\
             w = { desktop = \"W w\", desktop_schema = \"public\" }\nt2 = { cloud = \"t\", schema = \"x\" }",
        );
        let expected = [("a.t", "b.t"), ("c.u", "c.v"), ("W w", "b.w"), ("x.t2", "x.t")];
        assert_eq!(names(&text), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn the_order_of_the_file_is_kept() {
        let text = with_tables("[tables]\nz = {}\na = {}\n[tables.m]\n[tables.b]\n");
        let order: Vec<String> = names(&text).into_iter().map(|(desktop, _)| desktop).collect();
        assert_eq!(order, ["z", "a", "m", "b"]);
    }

    #[test]
    fn the_default_owner_can_be_switched_off() {
        let text = with_tables(
            "[defaults]\nowned_by_cloud = \"source = 'M'\"\n[tables]\na = {}\n\
             b = { owned_by_cloud = false }\nc = { owned_by_cloud = \"\" }\n\
             d = { owned_by_cloud = \"x\" }",
        );
        let owner = |name| pair(&text, name).owned_by_cloud.map(|owner| owner.sql());
        assert_eq!(owner("a"), Some("(source = 'M')".to_owned()));
        assert_eq!((owner("b"), owner("c")), (None, None));
        assert_eq!(owner("d"), Some("(x)".to_owned()));
    }

    #[test]
    fn two_pairs_over_one_table_are_refused() {
        assert_eq!(
            causes(&with_tables(
                "[tables]\na = {}\nb = { desktop = \"a\" }\nc = { cloud = \"b\" }"
            )),
            [
                "line 8: [tables.b] means the desktop table a, as [tables.a] in line 7 already does",
                "line 9: [tables.c] means the cloud table b, as [tables.b] in line 8 already does"
            ]
        );
        let two_schemas =
            with_tables("[tables]\na = {}\nb = { desktop = \"a\", cloud = \"a\", schema = \"s\" }");
        assert_eq!(causes(&two_schemas), [""; 0]);
    }

    #[test]
    fn keys_are_checked() {
        let told = |line: &str| causes(&with_tables(&format!("[tables.a]\n{line}")));
        assert_eq!(
            told("key = 5"),
            ["line 7: key in [tables.a] must be a text or a list of texts, not an integer"]
        );
        assert_eq!(
            told("key = [\n\"a\",\n5]"),
            ["line 9: key in [tables.a] lists an integer, not a text"]
        );
        assert_eq!(
            told("key = []"),
            [
                "line 7: key in [tables.a] is an empty list; leave it out for the table's primary key"
            ]
        );
        assert_eq!(told("key = [\"a\", \"a\"]"), ["line 7: key in [tables.a] names a twice"]);
        assert_eq!(told("key = \"\""), ["line 7: key in [tables.a]: a name must not be empty"]);
        assert_eq!(told("key = [\"a\", \"b\"]"), [""; 0]);
    }

    #[test]
    fn a_table_must_be_a_table() {
        assert_eq!(
            causes(&with_tables("[tables]\na = \"org_id\"")),
            ["line 7: a in [tables] must be a table, not a text"]
        );
        assert_eq!(causes(&with_tables("[tables]")), ["line 6: [tables] holds no table"]);
        assert_eq!(
            causes(&with_tables("")),
            ["the section [tables] with at least one table is missing"]
        );
        assert_eq!(
            causes(&config("[tables.\"\"]")),
            ["line 2: a key in [tables]: a name must not be empty"]
        );
    }

    #[test]
    fn a_dot_in_a_name_is_told() {
        let config = read(&with_tables("[tables]\n\"app.orders\" = {}")).unwrap();
        assert_eq!(
            config.warnings,
            [
                "line 7: [tables.app.orders] has a table name with a dot; a schema has its own key, schema"
            ]
        );
    }
}

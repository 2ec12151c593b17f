//! What a table's rows say before a run: how many there are, whether the key
//! is one in fact, and which of them the target would refuse.
//!
//! One statement per table and side, over sets; nothing is carried. How long
//! it may take is for the caller to say.

use crate::db::sql::Sql;
use crate::db::sql::mapping::{Existence, Form, Mapping, Uniqueness, View};
use crate::ident::{Ident, TableName, array_literal, literal};
use std::fmt::Write as _;

/// Asks how many rows a table has, how many bytes, and, before and after,
/// what time it is: three rows. A count is the scan that a run needs too.
#[must_use]
pub fn size(table: &TableName) -> Sql {
    let (name, text) = (table.sql(), literal(&table.sql()));
    let clock = Sql::new("select extract(epoch from clock_timestamp())");
    let count = Sql::new(format!(
        "select (select count(*) from {name}), \
         coalesce((select sum(pg_table_size(p.relid)) from pg_partition_tree({text}::regclass) \
         as p), pg_table_size({text}::regclass))"
    ));
    Sql::batch([clock.clone(), count, clock])
}

/// What is asked of a source's rows beside their key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    /// Whether an index says already that no key stands twice.
    pub duplicates: Duplicates,
    /// Expressions that must not be NULL.
    pub not_null: Vec<String>,
    /// Texts, and how many letters of each there is room for.
    pub lengths: Vec<(String, u32)>,
    pub references: Vec<Reference>,
}

/// Whether keys that stand on several rows are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Duplicates {
    #[default]
    Counted,
    /// A unique index lets there be none.
    Impossible,
}

/// A foreign key of the target. What stands in the parent's source goes to the
/// target or came from it; other values may stand on the target itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Expressions over the child's source row, with the form of each.
    pub columns: Vec<(String, Form)>,
    /// The parent's source, if it takes part in the same direction.
    pub source: Option<Parent>,
    /// The parent itself.
    pub target: Parent,
}

/// A table that is pointed to, and expressions over its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    pub table: TableName,
    pub columns: Vec<String>,
}

/// So many different values that the parent's source does not have are told
/// by themselves; the others are counted.
const VALUES: u32 = 10_000;

impl Reference {
    /// The columns as one text, the same wherever they stand.
    fn value<'a>(&self, columns: impl IntoIterator<Item = &'a String>) -> String {
        let forms = self.columns.iter().map(|(_, form)| form);
        let texts: Vec<String> =
            columns.into_iter().zip(forms).map(|(column, form)| form.text(column)).collect();
        match texts.as_slice() {
            [only] => only.clone(),
            several => format!("json_build_array({})::text", several.join(", ")),
        }
    }

    /// The child's columns as one text.
    #[must_use]
    pub fn child_value(&self) -> String {
        self.value(self.columns.iter().map(|(column, _)| column))
    }

    fn stands_in(&self, parent: &Parent, value: &str) -> String {
        let table = parent.table.sql();
        format!("exists (select from {table} where {} = {value})", self.value(&parent.columns))
    }
}

/// Asks the source of a pair. Answers in one row: rows, rows without a whole
/// key; for each text the longest, and rows that are too long; rows with NULL
/// where none may be, each; keys that stand on several rows, rows under such
/// keys; for each reference, how many values the parent's source does not have,
/// and a JSON object of these values with their rows.
#[must_use]
pub fn source(mapping: &Mapping, questions: &Questions) -> Sql {
    let scope = mapping.scope.as_deref().unwrap_or("true");
    let from = format!("from {} where {scope}", mapping.source.sql());
    let complete = mapping.key_is_complete(View::Source);
    let mut counts =
        vec!["count(*)".to_owned(), format!("count(*) filter (where not ({complete}))")];
    for (text, room) in &questions.lengths {
        let letters = format!("char_length(({text})::text)");
        counts.push(format!("coalesce(max({letters}), 0)"));
        counts.push(format!("count(*) filter (where {letters} > {room})"));
    }
    let nulls = questions.not_null.iter();
    counts.extend(nulls.map(|value| format!("count(*) filter (where ({value}) is null)")));
    let keyed = format!("{from} and {complete}");
    let shared = shared(mapping, View::Source, questions.duplicates, &keyed);
    let mut further = String::new();
    for (number, reference) in questions.references.iter().enumerate() {
        // Writing into a String cannot fail.
        let _ = write!(further, ", {} as o{number}", orphans(reference, &from));
    }
    Sql::new(format!(
        "select * from (select {} {from}) as a, {shared} as d{further}",
        counts.join(", ")
    ))
}

/// Asks the target of a pair for the same about its keys: rows, rows without a
/// whole key, keys on several rows, rows under such keys.
#[must_use]
pub fn target(mapping: &Mapping) -> Sql {
    let view = View::Target("t");
    let from = format!("from {} as t where true", mapping.target.sql());
    let complete = mapping.key_is_complete(view);
    let duplicates = match mapping.uniqueness {
        Uniqueness::Indexed => Duplicates::Impossible,
        Uniqueness::Unguarded => Duplicates::Counted,
    };
    let shared = shared(mapping, view, duplicates, &format!("{from} and {complete}"));
    Sql::new(format!(
        "select * from (select count(*), count(*) filter (where not ({complete})) {from}) as a, \
         {shared} as d"
    ))
}

/// Whether the target has the columns that [`target`] asks about.
#[must_use]
pub fn has_key_on_target(mapping: &Mapping) -> bool {
    mapping.existence == Existence::InTable && !mapping.key.is_empty()
}

/// Keys are equal as their own types say: ten times as quick as by their text.
fn shared(mapping: &Mapping, view: View<'_>, duplicates: Duplicates, from: &str) -> String {
    if mapping.key.is_empty() || duplicates == Duplicates::Impossible {
        return "(select 0, 0)".to_owned();
    }
    let key = mapping.key_in(view).into_iter().enumerate();
    let key: Vec<String> = key.map(|(at, value)| format!("{value} as k{}", at + 1)).collect();
    format!(
        "(select count(*), coalesce(sum(g.n), 0) from (select count(*) as n \
         from (select {} {from}) as k group by {} having count(*) > 1) as g)",
        key.join(", "),
        mapping.staged_key_names()
    )
}

/// Each value is looked for once, however many rows have it.
fn orphans(reference: &Reference, from: &str) -> String {
    let there: Vec<String> =
        reference.columns.iter().map(|(child, _)| format!("({child}) is not null")).collect();
    let not_there = reference.source.as_ref().map_or(String::new(), |parent| {
        format!(" where not {}", reference.stands_in(parent, "g.v"))
    });
    format!(
        "(select count(*), coalesce(jsonb_object_agg(g.v, g.n) filter (where g.at <= {VALUES}), \
         '{{}}') from (select g.v, g.n, row_number() over () as at from (select {} as v, \
         count(*) as n {from} and {} group by 1) as g{not_there}) as g)",
        reference.child_value(),
        there.join(" and "),
    )
}

/// Asks the target which of these values stand in its own parents. Answers:
/// number of the reference, value.
#[must_use]
pub fn on_target(references: &[(&Reference, Vec<&str>)]) -> Sql {
    let one = |(number, (reference, values)): (usize, &(&Reference, Vec<&str>))| {
        let values = array_literal(values.iter().copied().map(Some));
        let stands = reference.stands_in(&reference.target, "w.v");
        format!("select {number}, w.v from unnest({values}::text[]) as w (v) where {stands}")
    };
    let asked: Vec<String> = references.iter().enumerate().map(one).collect();
    Sql::new(asked.join(" union all "))
}

/// Asks whether columns could be a key, and how many rows a mark is on.
/// Answers in one row: rows; marked rows; for each candidate the rows with a
/// NULL in it, and how many different values the others have.
#[must_use]
pub fn candidates(table: &TableName, candidates: &[Vec<Ident>], mark: Option<&str>) -> Sql {
    let table = table.sql();
    let mark = mark.unwrap_or("false");
    let mut counts = vec!["count(*)".to_owned(), format!("count(*) filter (where {mark})")];
    let mut distinct = String::new();
    for (number, columns) in candidates.iter().enumerate() {
        let names: Vec<String> = columns.iter().map(Ident::sql).collect();
        let there: Vec<String> = names.iter().map(|name| format!("{name} is not null")).collect();
        let there = there.join(" and ");
        counts.push(format!("count(*) filter (where not ({there}))"));
        // Writing into a String cannot fail.
        let _ = write!(
            distinct,
            ", (select count(*) from (select distinct {} from {table} where {there}) as v) \
             as d{number}",
            names.join(", ")
        );
    }
    Sql::new(format!("select * from (select {} from {table}) as a{distinct}", counts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sql::mapping::tests::{composite, ident, mapping};

    fn table(name: &str) -> TableName {
        TableName { schema: ident("public"), table: ident(name) }
    }

    #[test]
    fn a_scan_is_timed_by_the_server() {
        assert_eq!(
            size(&table("it's")).to_string(),
            "select extract(epoch from clock_timestamp());\n\
             select (select count(*) from \"public\".\"it's\"), \
             coalesce((select sum(pg_table_size(p.relid)) from \
             pg_partition_tree('\"public\".\"it''s\"'::regclass) as p), \
             pg_table_size('\"public\".\"it''s\"'::regclass));\n\
             select extract(epoch from clock_timestamp())"
        );
    }

    #[test]
    fn a_source_is_asked_everything_at_once() {
        let questions = Questions {
            duplicates: Duplicates::Counted,
            not_null: vec!["\"org_id\"".to_owned()],
            lengths: vec![("\"title\"".to_owned(), 20)],
            references: vec![reference(&["\"job\""])],
        };
        let mapping = Mapping { scope: Some("(mine)".to_owned()), ..mapping() };
        assert_eq!(
            source(&mapping, &questions).to_string(),
            "select * from (select count(*), count(*) filter (where not (\"rem_id\" is not null)), \
             coalesce(max(char_length((\"title\")::text)), 0), \
             count(*) filter (where char_length((\"title\")::text) > 20), \
             count(*) filter (where (\"org_id\") is null) \
             from \"public\".\"reminder\" where (mine)) as a, \
             (select count(*), coalesce(sum(g.n), 0) from (select count(*) as n \
             from (select \"rem_id\" as k1 from \"public\".\"reminder\" \
             where (mine) and \"rem_id\" is not null) as k group by k1 \
             having count(*) > 1) as g) as d, \
             (select count(*), coalesce(jsonb_object_agg(g.v, g.n) filter (where g.at <= 10000), \
             '{}') from (select g.v, g.n, row_number() over () as at from (select \
             (\"job\")::text as v, count(*) as n \
             from \"public\".\"reminder\" where (mine) and (\"job\") is not null group by 1) as g \
             where not exists (select from \"public\".\"job\" \
             where (\"job_id\")::text = g.v)) as g) as o0"
        );
    }

    /// A foreign key to `job (job_id)`, or `job (job_id, part)`.
    fn reference(columns: &[&str]) -> Reference {
        let names = ["\"job_id\"", "\"part\""].into_iter().take(columns.len());
        let names: Vec<String> = names.map(ToOwned::to_owned).collect();
        let parent = |name| Parent { table: table(name), columns: names.clone() };
        Reference {
            columns: columns.iter().map(|column| ((*column).to_owned(), Form::Integer)).collect(),
            source: Some(parent("job")),
            target: parent("jobs"),
        }
    }

    #[test]
    fn values_that_the_source_does_not_have_may_stand_on_the_target() {
        let (one, two) = (reference(&["\"a\""]), reference(&["\"a\"", "\"b\""]));
        assert_eq!(
            on_target(&[(&one, vec!["7", "8"]), (&two, vec!["[\"7\"]"])]).to_string(),
            "select 0, w.v from unnest('{\"7\",\"8\"}'::text[]) as w (v) \
             where exists (select from \"public\".\"jobs\" where (\"job_id\")::text = w.v) \
             union all select 1, w.v from unnest('{\"[\\\"7\\\"]\"}'::text[]) as w (v) \
             where exists (select from \"public\".\"jobs\" where json_build_array(\
             (\"job_id\")::text, (\"part\")::text)::text = w.v)"
        );
    }

    #[test]
    fn a_target_is_asked_about_its_keys() {
        assert_eq!(
            target(&mapping()).to_string(),
            "select * from (select count(*), count(*) filter (where not (t.\"rem_id\" is not null)) \
             from \"public\".\"mbreminder\" as t where true) as a, \
             (select count(*), coalesce(sum(g.n), 0) from (select count(*) as n \
             from (select t.\"rem_id\" as k1 from \"public\".\"mbreminder\" as t \
             where true and t.\"rem_id\" is not null) as k group by k1 \
             having count(*) > 1) as g) as d"
        );
        let indexed = Mapping { uniqueness: Uniqueness::Indexed, ..mapping() };
        assert!(
            target(&indexed).to_string().ends_with(" as t where true) as a, (select 0, 0) as d")
        );
        assert!(has_key_on_target(&composite()));
        assert!(!has_key_on_target(&Mapping { key: Vec::new(), ..mapping() }));
    }

    #[test]
    fn candidates_for_a_key_are_counted() {
        let columns = [vec![ident("a")], vec![ident("a"), ident("b")]];
        assert_eq!(
            candidates(&table("t"), &columns, Some("\"source\" = 'M'")).to_string(),
            "select * from (select count(*), count(*) filter (where \"source\" = 'M'), \
             count(*) filter (where not (\"a\" is not null)), \
             count(*) filter (where not (\"a\" is not null and \"b\" is not null)) \
             from \"public\".\"t\") as a, \
             (select count(*) from (select distinct \"a\" from \"public\".\"t\" \
             where \"a\" is not null) as v) as d0, \
             (select count(*) from (select distinct \"a\", \"b\" from \"public\".\"t\" \
             where \"a\" is not null and \"b\" is not null) as v) as d1"
        );
    }
}

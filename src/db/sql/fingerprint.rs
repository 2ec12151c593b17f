//! Keys and hashes of single rows, for a comparison that writes nothing: what
//! the sums of two buckets cannot settle is settled by whoever reads these.
//!
//! A row is known by its *name*: its key, or its place in the table where rows
//! have no key. No value of a row but its key leaves the server.

use crate::db::sql::Sql;
use crate::db::sql::mapping::{Column, Existence, Mapping, View};
use crate::db::sql::mirror::in_slice;
use crate::db::sql::select::{Selection, condition};
use crate::ident::{Ident, TableName, array_literal};

const TARGET: View<'static> = View::Target("t");

/// The source's rows in a selection. Answers: name, hash, whether it came from
/// the target in the first place, and its place among the rows with its key,
/// by the highest value in `latest`.
#[must_use]
pub fn of_source(mapping: &Mapping, selection: Selection<'_>, latest: Option<&Ident>) -> Sql {
    let view = View::Source;
    Sql::new(format!(
        "select {}, {}, coalesce({}, false), {} from {} where {} and {}",
        name(mapping, view),
        mapping.content_hash(view),
        mapping.came_back.as_deref().unwrap_or("false"),
        place(mapping, latest),
        mapping.source.sql(),
        mapping.key_is_complete(view),
        condition(mapping, selection),
    ))
}

/// The target's rows in a slice that take part in the comparison. Answers:
/// name, hash, whether it is protected.
#[must_use]
pub fn of_target(mapping: &Mapping, selection: Selection<'_>) -> Sql {
    Sql::new(format!(
        "select {}, {}, coalesce({}, false) from {} as t where {} and {} and {}",
        name(mapping, TARGET),
        mapping.content_hash(TARGET),
        mapping.protected.as_deref().unwrap_or("false"),
        mapping.target.sql(),
        mapping.key_is_complete(TARGET),
        mapping.compared_on_target(),
        in_slice(mapping, selection.slice),
    ))
}

fn place(mapping: &Mapping, latest: Option<&Ident>) -> String {
    let by = latest.and_then(|name| mapping.columns.iter().find(|column| column.target == *name));
    by.map_or("1".to_owned(), |column| {
        let key = mapping.key_in(View::Source).join(", ");
        format!("rank() over (partition by {key} order by {} desc nulls last)", column.compared)
    })
}

/// How a row is called, the same on both sides if it has a key.
pub(in crate::db::sql) fn name(mapping: &Mapping, view: View<'_>) -> String {
    match (mapping.existence, view) {
        (Existence::InLedger, _) => mapping.key_in(view).join(", "),
        (Existence::InTable, _) if !mapping.key.is_empty() => mapping.key_text(view),
        (Existence::InTable, View::Target(alias)) => format!("{alias}.ctid::text"),
        (Existence::InTable, _) => "ctid::text".to_owned(),
    }
}

/// The columns whose hashes [`columns_of_source`] answers, in its order.
pub fn compared_columns(mapping: &Mapping) -> impl Iterator<Item = &Column> {
    mapping.columns.iter().filter(|column| mapping.compares(column))
}

/// A hash per compared column of the source's rows with these names. Answers:
/// name, hash of each.
#[must_use]
pub fn columns_of_source(mapping: &Mapping, names: &[&str]) -> Sql {
    let scope = mapping.scope.as_deref().unwrap_or("true");
    let from = format!("{} where {scope}", mapping.source.sql());
    columns_of(mapping, View::Source, &from, names)
}

/// The same of the target's rows.
#[must_use]
pub fn columns_of_target(mapping: &Mapping, names: &[&str]) -> Sql {
    let from = format!("{} as t where {}", mapping.target.sql(), mapping.compared_on_target());
    columns_of(mapping, TARGET, &from, names)
}

fn columns_of(mapping: &Mapping, view: View<'_>, from: &str, names: &[&str]) -> Sql {
    let name = name(mapping, view);
    let hashes = column_hashes(mapping, view).into_iter().map(|hash| format!(", {hash}"));
    Sql::new(format!(
        "select {name}{} from {from} and {name} = any ({}::text[])",
        hashes.collect::<String>(),
        array_literal(names.iter().copied().map(Some)),
    ))
}

/// The hash of every compared column, as seen from `view`.
pub(in crate::db::sql) fn column_hashes(mapping: &Mapping, view: View<'_>) -> Vec<String> {
    let values = mapping.columns_in(view).into_iter().zip(&mapping.columns);
    values
        .filter(|(_, column)| mapping.compares(column))
        .map(|(value, column)| column.form.hash(&value, "0"))
        .collect()
}

/// What is counted of one table beside the comparison.
#[derive(Debug, Clone, Copy)]
pub struct Total<'a> {
    /// Comes back with the answer.
    pub number: usize,
    pub table: &'a TableName,
    /// A condition over the row `t`.
    pub which: Option<&'a str>,
}

/// Counts the rows of several tables in one statement. Answers: question,
/// rows, rows for which its condition holds.
#[must_use]
pub fn totals(questions: &[Total<'_>]) -> Sql {
    let one = |Total { number, table, which }: &Total<'_>| {
        let which = which.unwrap_or("false");
        format!(
            "select {number}, count(*), count(*) filter (where {which}) from {} as t",
            table.sql()
        )
    };
    Sql::new(questions.iter().map(one).collect::<Vec<_>>().join("\nunion all\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sql::changed::Changed;
    use crate::db::sql::mapping::tests::{ident, mapping};
    use crate::db::sql::mapping::{Comparison, TakingPart};
    use crate::db::sql::select::Slice;

    fn selection(slice: &Slice) -> Selection<'_> {
        Selection { changed: &Changed::Everything, slice, again: &[] }
    }

    #[test]
    fn rows_are_told_by_key_and_hash() {
        let mut mapping = Mapping { comparison: Comparison::RowsByKey, ..mapping() };
        mapping.came_back = Some("(came back)".into());
        mapping.protected = Some("(source = 'M')".into());
        let slice = Slice::Buckets { count: 4, wanted: vec![1, 3] };
        assert_eq!(
            of_source(&mapping, selection(&slice), None).to_string(),
            "select json_build_array(trim_scale((\"rem_id\")::numeric)::text)::text, \
             (coalesce(hash_numeric_extended((\"rem_id\")::numeric, 1), 0) # \
             coalesce(hashtextextended(((upper(remtitle)))::text collate \"C\", 2), 0)), \
             coalesce((came back), false), 1 from \"public\".\"reminder\" \
             where \"rem_id\" is not null and \
             (hash_numeric_extended((\"rem_id\")::numeric, 0) & 3) = any ('{1,3}'::bigint[])"
        );
        assert_eq!(
            of_target(&mapping, selection(&slice)).to_string(),
            "select json_build_array(trim_scale((t.\"rem_id\")::numeric)::text)::text, \
             (coalesce(hash_numeric_extended((t.\"rem_id\")::numeric, 1), 0) # \
             coalesce(hashtextextended((t.\"title\")::text collate \"C\", 2), 0)), \
             coalesce((source = 'M'), false) from \"public\".\"mbreminder\" as t \
             where t.\"rem_id\" is not null and true and \
             (hash_numeric_extended((t.\"rem_id\")::numeric, 0) & 3) = any ('{1,3}'::bigint[])"
        );
    }

    #[test]
    fn the_latest_of_several_rows_comes_first() {
        let sql = of_source(&mapping(), selection(&Slice::All), Some(&ident("title"))).to_string();
        let rank = "rank() over (partition by \"rem_id\" order by (upper(remtitle)) \
                    desc nulls last) from";
        assert!(sql.contains(rank), "{sql}");
    }

    #[test]
    fn rows_without_a_key_are_told_by_their_place() {
        let mapping = Mapping {
            key: Vec::new(),
            comparison: Comparison::Rows,
            protected: Some("(source = 'M')".into()),
            ..mapping()
        };
        let sql = of_target(&mapping, selection(&Slice::All)).to_string();
        assert!(sql.starts_with("select t.ctid::text, (coalesce("), "{sql}");
        let end = "where true and not coalesce((source = 'M'), false) and true";
        assert!(sql.ends_with(end), "{sql}");
    }

    #[test]
    fn only_hashes_of_columns_are_asked_for() {
        let mut mapping = mapping();
        mapping.scope = Some("(lang = 'en')".into());
        assert_eq!(
            columns_of_source(&mapping, &["[\"1\"]", "[\"it's\"]"]).to_string(),
            "select json_build_array(trim_scale((\"rem_id\")::numeric)::text)::text, \
             hash_numeric_extended((\"rem_id\")::numeric, 0), \
             hashtextextended(((upper(remtitle)))::text collate \"C\", 0) \
             from \"public\".\"reminder\" where (lang = 'en') and \
             json_build_array(trim_scale((\"rem_id\")::numeric)::text)::text = any \
             ('{\"[\\\"1\\\"]\",\"[\\\"it''s\\\"]\"}'::text[])"
        );
        mapping.protected = Some("(source = 'M')".into());
        mapping.taking_part = TakingPart::Unprotected;
        let sql = columns_of_target(&mapping, &["[\"1\"]"]).to_string();
        let from = "from \"public\".\"mbreminder\" as t where \
                    not coalesce((source = 'M'), false) and json_build_array(";
        assert!(sql.contains(from), "{sql}");
    }

    #[test]
    fn totals_are_one_statement() {
        let mapping = mapping();
        let questions = [
            Total { number: 0, table: &mapping.source, which: None },
            Total { number: 3, table: &mapping.target, which: Some("(source = 'M')") },
        ];
        assert_eq!(
            totals(&questions).to_string(),
            "select 0, count(*), count(*) filter (where false) from \"public\".\"reminder\" as t\n\
             union all\n\
             select 3, count(*), count(*) filter (where (source = 'M')) \
             from \"public\".\"mbreminder\" as t"
        );
    }
}

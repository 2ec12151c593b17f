//! Counts and order-free checksums of keys, to compare both sides without
//! moving the tables.
//!
//! The sum of 64-bit hashes does not depend on the order of the rows and,
//! unlike an exclusive or, does not lose a pair of equal ones.

use crate::db::sql::Sql;
use crate::db::sql::bucket::Division;
use crate::db::sql::changed::{Changed, changed_condition};
use crate::db::sql::mapping::{Mapping, View};
use crate::db::sql::select::{Selection, condition};

/// How much a survey asks of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// How many rows.
    Count,
    /// How many rows, and the checksum of their keys.
    Checksum,
}

/// One question of a survey.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Comes back with the answer.
    pub number: usize,
    pub mapping: &'a Mapping,
    pub depth: Depth,
    /// Which of its rows are counted as changed.
    pub changed: Option<&'a Changed>,
}

/// Asks whether the target has rows at all, of several pairs in one statement.
/// Answers: question, whether it has.
#[must_use]
pub fn has_rows(questions: &[(usize, &Mapping)]) -> Sql {
    union(questions.iter().map(|(number, mapping)| {
        format!("select {number}, exists (select from {})", mapping.target.sql())
    }))
}

/// Asks the source for the lowest and the highest key of several pairs whose
/// key is one column, in one statement. Answers: question, lowest, highest.
#[must_use]
pub fn key_bounds(questions: &[(usize, &Mapping)]) -> Sql {
    union(questions.iter().map(|(number, mapping)| {
        let key = mapping.key_in(View::Source).join(", ");
        format!("select {number}, min({key}), max({key}) from {}", mapping.source.sql())
    }))
}

/// Asks the source about several pairs in one statement.
///
/// Answers: question, rows with a whole key, rows without, checksum or NULL,
/// rows that belong to the source alone (or came back from the target), rows
/// that have changed, and for what was written since a horizon where the first
/// and the last of these rows lie.
#[must_use]
pub fn survey_source(questions: &[(Question<'_>, Selection<'_>)]) -> Sql {
    let one = |(question, selection): &(Question<'_>, Selection<'_>)| {
        let condition = condition(question.mapping, *selection);
        let span = match selection.changed {
            Changed::SinceHorizon { .. } => "min(ctid)::text, max(ctid)::text",
            Changed::Everything | Changed::SinceInstant { .. } => NO_SPAN,
        };
        let from = format!("{} where {condition}", question.mapping.source.sql());
        survey(question, View::Source, &from, span)
    };
    union(questions.iter().map(one))
}

/// Asks the target about several pairs in one statement; answers as
/// [`survey_source`].
#[must_use]
pub fn survey_target(questions: &[Question<'_>]) -> Sql {
    let one = |question: &Question<'_>| {
        let (table, compared) =
            (question.mapping.target.sql(), question.mapping.compared_on_target());
        let from = format!("{table} as t where {compared}");
        survey(question, View::Target("t"), &from, NO_SPAN)
    };
    union(questions.iter().map(one))
}

const NO_SPAN: &str = "null::text, null::text";

fn survey(question: &Question<'_>, view: View<'_>, from: &str, span: &str) -> String {
    let complete = question.mapping.key_is_complete(view);
    let checksum = match question.depth {
        Depth::Count => "null".to_owned(),
        Depth::Checksum => {
            format!("sum({}) filter (where {complete})", question.mapping.content_hash(view))
        }
    };
    let special = question.mapping.owned.as_ref().or(question.mapping.came_back.as_ref());
    let owned = count_where(special.filter(|_| view == View::Source).map(String::as_str));
    let changed = count_where(question.changed.and_then(changed_condition).as_deref());
    format!(
        "select {}, count(*) filter (where {complete}), \
         count(*) filter (where not ({complete})), {checksum}::text, {owned}, {changed}, \
         {span} from {from}",
        question.number
    )
}

fn count_where(condition: Option<&str>) -> String {
    condition
        .map_or_else(|| "0".to_owned(), |condition| format!("count(*) filter (where {condition})"))
}

fn union(statements: impl Iterator<Item = String>) -> Sql {
    Sql::new(statements.collect::<Vec<_>>().join("\nunion all\n"))
}

/// Count and checksum per bucket of the source's keys in a selection. A row
/// without a whole key has no hash, so all of them share the bucket NULL.
#[must_use]
pub fn source_buckets(mapping: &Mapping, selection: Selection<'_>, division: Division) -> Sql {
    let (source, condition) = (mapping.source.sql(), condition(mapping, selection));
    buckets(mapping, View::Source, &format!("{source} where {condition}"), division)
}

/// Count and checksum per bucket of the target's keys.
#[must_use]
pub fn target_buckets(mapping: &Mapping, division: Division) -> Sql {
    let view = View::Target("t");
    let (table, complete) = (mapping.target.sql(), mapping.key_is_complete(view));
    let compared = mapping.compared_on_target();
    let covered = division.covers_target(mapping, view);
    let from = format!("{table} as t where {complete} and {compared} and {covered}");
    buckets(mapping, view, &from, division)
}

fn buckets(mapping: &Mapping, view: View<'_>, from: &str, division: Division) -> Sql {
    let (bucket, hash) = (division.bucket(mapping, view), mapping.content_hash(view));
    Sql::new(format!("select {bucket}, count(*), sum({hash}) from {from} group by 1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sql::bucket::Ranges;
    use crate::db::sql::changed::{Echoes, Ids};
    use crate::db::sql::mapping::tests::mapping;
    use crate::db::sql::select::Slice;

    #[test]
    fn a_survey_is_one_statement() {
        let mapping = mapping();
        let question = |number, depth| Question { number, mapping: &mapping, depth, changed: None };
        assert_eq!(
            survey_target(&[question(0, Depth::Count), question(4, Depth::Checksum)]).to_string(),
            "select 0, count(*) filter (where t.\"rem_id\" is not null), \
             count(*) filter (where not (t.\"rem_id\" is not null)), null::text, 0, 0, null::text, null::text \
             from \"public\".\"mbreminder\" as t where true\n\
             union all\n\
             select 4, count(*) filter (where t.\"rem_id\" is not null), \
             count(*) filter (where not (t.\"rem_id\" is not null)), \
             sum(hash_numeric_extended((t.\"rem_id\")::numeric, 0)) \
             filter (where t.\"rem_id\" is not null)::text, 0, 0, \
             null::text, null::text from \"public\".\"mbreminder\" as t where true"
        );
    }

    #[test]
    fn whether_there_are_rows_is_asked_in_one_statement() {
        let mapping = mapping();
        assert_eq!(
            has_rows(&[(0, &mapping), (3, &mapping)]).to_string(),
            "select 0, exists (select from \"public\".\"mbreminder\")\n\
             union all\n\
             select 3, exists (select from \"public\".\"mbreminder\")"
        );
    }

    #[test]
    fn a_survey_says_where_the_changed_rows_lie() {
        let mapping = mapping();
        let (ids, echoes) = (Ids::ByAge, Echoes::Unknown);
        let changed = Changed::SinceHorizon { horizon: 750, ids, echoes };
        let question =
            Question { number: 0, mapping: &mapping, depth: Depth::Count, changed: None };
        let selection = Selection { changed: &changed, slice: &Slice::All, again: &[] };
        assert_eq!(
            survey_source(&[(question, selection)]).to_string(),
            "select 0, count(*) filter (where \"rem_id\" is not null), \
             count(*) filter (where not (\"rem_id\" is not null)), null::text, 0, 0, \
             min(ctid)::text, max(ctid)::text \
             from \"public\".\"reminder\" where age(xmin) <= (select age('750'::xid8::xid))"
        );
    }

    #[test]
    fn both_sides_fill_the_same_buckets() {
        let mapping = mapping();
        let all = Selection { changed: &Changed::Everything, slice: &Slice::All, again: &[] };
        let division = Division::Hashed { count: 64 };
        assert_eq!(
            source_buckets(&mapping, all, division).to_string(),
            "select (hash_numeric_extended((\"rem_id\")::numeric, 0) & 63), count(*), \
             sum(hash_numeric_extended((\"rem_id\")::numeric, 0)) from \"public\".\"reminder\" \
             where true group by 1"
        );
        assert_eq!(
            target_buckets(&mapping, division).to_string(),
            "select (hash_numeric_extended((t.\"rem_id\")::numeric, 0) & 63), count(*), \
             sum(hash_numeric_extended((t.\"rem_id\")::numeric, 0)) \
             from \"public\".\"mbreminder\" as t where t.\"rem_id\" is not null and true and true \
             group by 1"
        );
    }
    #[test]
    fn bounds_are_asked_in_one_statement() {
        let mapping = mapping();
        assert_eq!(
            key_bounds(&[(0, &mapping), (3, &mapping)]).to_string(),
            "select 0, min(\"rem_id\"), max(\"rem_id\") from \"public\".\"reminder\"\n\
             union all\n\
             select 3, min(\"rem_id\"), max(\"rem_id\") from \"public\".\"reminder\""
        );
    }

    /// A row without a key keeps its bucket NULL; a key of the target that the
    /// ranges do not cover is left out.
    #[test]
    fn both_sides_fill_the_same_ranges() {
        let mapping = mapping();
        let all = Selection { changed: &Changed::Everything, slice: &Slice::All, again: &[] };
        let division = Division::Ranged(Ranges::over(1, 4_000, 64).unwrap());
        assert_eq!(
            source_buckets(&mapping, all, division).to_string(),
            "select (((\"rem_id\")::bigint >> 6) - '0'::bigint), count(*), \
             sum(hash_numeric_extended((\"rem_id\")::numeric, 0)) from \"public\".\"reminder\" \
             where true group by 1"
        );
        assert_eq!(
            target_buckets(&mapping, division).to_string(),
            "select (((t.\"rem_id\")::bigint >> 6) - '0'::bigint), count(*), \
             sum(hash_numeric_extended((t.\"rem_id\")::numeric, 0)) \
             from \"public\".\"mbreminder\" as t where t.\"rem_id\" is not null and true \
             and t.\"rem_id\" between '0'::bigint and '4031'::bigint group by 1"
        );
    }
}

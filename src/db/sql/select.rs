//! Which rows of the source a run reads, and how it reads them.

use crate::db::copy::Format;
use crate::db::sql::Sql;
use crate::db::sql::bucket::{Ranges, in_hashed};
use crate::db::sql::changed::{Changed, changed_condition};
use crate::db::sql::loose::Length;
use crate::db::sql::mapping::{Existence, Mapping, View};
use crate::ident::array_literal;

/// A part of the rows that makes one checkpoint. No two rows with the same
/// key are ever in different slices of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slice {
    All,
    /// Rows that fall into one of these buckets of `count`, a power of two.
    Buckets {
        count: u32,
        wanted: Vec<u32>,
    },
    /// Rows whose key lies in one of these ranges, in ascending order.
    Ranges {
        ranges: Ranges,
        wanted: Vec<u32>,
    },
    /// The pages from `from` up to `to`: where they hold everything that is
    /// selected, or where the source's keys are unique.
    Pages {
        from: u64,
        to: Option<u64>,
    },
    /// Rows that belong to the source alone.
    Owned,
    /// Rows that have changed, and those that share a key with one of them.
    SharingKeys(Changed),
}

/// Rows of a source: what is new, in one slice, and what must be looked at again.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    pub changed: &'a Changed,
    pub slice: &'a Slice,
    /// Keys, as [`Mapping::key_text`] spells them, that are read in any case.
    pub again: &'a [String],
}

/// The condition that picks a selection's rows, whatever their key.
#[must_use]
pub fn condition(mapping: &Mapping, selection: Selection<'_>) -> String {
    let parts = [
        mapping.scope.clone(),
        changed_or_again(mapping, selection.changed, selection.again),
        slice(mapping, selection.slice),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "true".to_owned() } else { parts.join(" and ") }
}

fn changed_or_again(mapping: &Mapping, changed: &Changed, again: &[String]) -> Option<String> {
    let changed = changed_condition(changed)?;
    if again.is_empty() {
        return Some(changed);
    }
    let keys = array_literal(again.iter().map(|key| Some(key.as_str())));
    let text = mapping.key_text(View::Source);
    Some(format!("({changed} or {text} = any ({keys}::text[]))"))
}

fn slice(mapping: &Mapping, slice: &Slice) -> Option<String> {
    match slice {
        Slice::All => None,
        Slice::Buckets { count, wanted } => Some(in_hashed(mapping, View::Source, *count, wanted)),
        Slice::Ranges { ranges, wanted } => Some(ranges.condition(mapping, View::Source, wanted)),
        Slice::Pages { from, to } => {
            let below = to.map_or(String::new(), |to| format!(" and ctid < '({to},0)'::tid"));
            Some(format!("ctid >= '({from},0)'::tid{below}"))
        }
        Slice::Owned => Some(mapping.owned.clone().unwrap_or_else(|| "false".to_owned())),
        Slice::SharingKeys(changed) => {
            changed_condition(changed).map(|changed| sharing_keys(mapping, &changed))
        }
    }
}

/// A changed row without a whole key shares it with nobody, and is still one.
fn sharing_keys(mapping: &Mapping, changed: &str) -> String {
    let key = mapping.key_in(View::Source).join(", ");
    let scope = mapping.scope.as_deref().unwrap_or("true");
    let source = mapping.source.sql();
    format!("({changed} or ({key}) in (select {key} from {source} where {scope} and {changed}))")
}

/// Rows of the source, about to be streamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    columns: String,
    /// From `from` on.
    rest: String,
}

impl Query {
    /// Streams them.
    #[must_use]
    pub fn copy(&self, format: Format) -> Sql {
        copy_out(&format!("select {} {}", self.columns, self.rest), format)
    }

    /// Streams them in text, each with its name before it: its key, or its place
    /// in the table where rows have none. Behind the name comes, where a text
    /// is too long for its column, the row as JSON.
    #[must_use]
    pub fn copy_loosely(&self, mapping: &Mapping, lengths: &[Length]) -> Sql {
        let too_long = |length: &Length| {
            let column = mapping.columns.get(length.index)?;
            Some(format!("char_length(({})::text) > {}", column.source, length.letters))
        };
        let too_long: Vec<String> = lengths.iter().filter_map(too_long).collect();
        let json = format!("case when {} then {} end", too_long.join(" or "), row_as_json(mapping));
        self.copy_behind(&[&name_of_row(mapping), &json])
    }

    /// Streams them in text, each with its name and as JSON before it.
    #[must_use]
    pub fn copy_told(&self, mapping: &Mapping) -> Sql {
        self.copy_behind(&[&name_of_row(mapping), &row_as_json(mapping)])
    }

    fn copy_behind(&self, first: &[&str; 2]) -> Sql {
        let Self { columns, rest } = self;
        copy_out(&format!("select {}, {columns} {rest}", first.join(", ")), Format::Text)
    }
}

/// The whole row, with columns that do not travel too.
fn row_as_json(mapping: &Mapping) -> String {
    format!("to_jsonb({}.*)::text", mapping.source.table.sql())
}

/// The keys of a selection, with a last column that says whether the row
/// belongs to the source. Rows without a whole key are left out.
#[must_use]
pub fn keys(mapping: &Mapping, selection: Selection<'_>) -> Query {
    let mut columns = match mapping.existence {
        Existence::InTable => mapping.key_in(View::Source),
        Existence::InLedger => key_texts(mapping),
    };
    let owned = mapping.owned.as_deref().unwrap_or("false");
    columns.push(format!("coalesce({owned}, false)"));
    let rest = format!(
        "from {} where {} and {}",
        mapping.source.sql(),
        mapping.key_is_complete(View::Source),
        condition(mapping, selection),
    );
    Query { columns: columns.join(", "), rest }
}

fn key_texts(mapping: &Mapping) -> Vec<String> {
    mapping.key.iter().map(|key| key.form.text(&key.source)).collect()
}

/// The mapped columns of a selection.
#[must_use]
pub fn rows(mapping: &Mapping, selection: Selection<'_>) -> Query {
    let condition = condition(mapping, selection);
    let complete = mapping.key_is_complete(View::Source);
    in_scope(mapping, &format!("{complete} and {condition}"))
}

/// The mapped columns of the rows with these keys, in scope.
///
/// Each key is a list of texts, one per key column.
#[must_use]
pub fn rows_with_keys(mapping: &Mapping, keys: &[Vec<String>]) -> Query {
    in_scope(mapping, &with_keys(mapping, keys))
}

/// The mapped columns of all rows that share a key with a row of the
/// selection, with a last column that says whether the row came from the
/// target in the first place.
///
/// A key can stand on several rows of which only one has changed; what is to
/// become of them is decided over all of them.
#[must_use]
pub fn rows_sharing_keys(mapping: &Mapping, selection: Selection<'_>) -> Query {
    let condition = condition(mapping, selection);
    let complete = mapping.key_is_complete(View::Source);
    let chosen = format!("{complete} and {condition}");
    let source = mapping.source.sql();
    let sharing = if *selection.changed == Changed::Everything {
        chosen
    } else {
        let key = mapping.key_in(View::Source).join(", ");
        let scope = mapping.scope.clone().unwrap_or_else(|| "true".to_owned());
        format!("{scope} and ({key}) in (select {key} from {source} where {chosen})")
    };
    let came_back = mapping.came_back.as_deref().unwrap_or("false");
    let columns = format!("{}, {came_back}", source_columns(mapping));
    Query { columns, rest: format!("from {source} where {sharing}") }
}

/// Asks whether a key of the source stands on several rows.
#[must_use]
pub fn has_duplicates(mapping: &Mapping) -> Sql {
    let key = mapping.key_in(View::Source).join(", ");
    let scope = mapping.scope.clone().unwrap_or_else(|| "true".to_owned());
    Sql::new(format!(
        "select exists (select from {} where {scope} and {} group by {key} having count(*) > 1)",
        mapping.source.sql(),
        mapping.key_is_complete(View::Source)
    ))
}

/// Asks for the mapped columns of no row: finds a broken expression or a
/// missing right before a COPY is started, which would cost the session.
#[must_use]
pub fn probe_rows(mapping: &Mapping) -> Sql {
    let Query { columns, rest } = in_scope(mapping, "true");
    Sql::new(format!("select {columns} {rest} limit 0"))
}

/// The rows of a selection whose key is not whole, as JSON, at most `limit`.
#[must_use]
pub fn rows_without_key(mapping: &Mapping, selection: Selection<'_>, limit: u64) -> Sql {
    let source = mapping.source.sql();
    let table = mapping.source.table.sql();
    Sql::new(format!(
        "select {}, to_jsonb({table}.*)::text from {source} where not ({}) and {} limit {limit}",
        mapping.key_text(View::Source),
        mapping.key_is_complete(View::Source),
        condition(mapping, selection),
    ))
}

fn in_scope(mapping: &Mapping, condition: &str) -> Query {
    let (columns, source) = (source_columns(mapping), mapping.source.sql());
    let scope = mapping.scope.as_ref().map_or(String::new(), |scope| format!("{scope} and "));
    Query { columns, rest: format!("from {source} where {scope}{condition}") }
}

/// How a row is named before it has got anywhere: by its key, or by its place
/// in the table where rows have none.
fn name_of_row(mapping: &Mapping) -> String {
    if mapping.key.is_empty() {
        return "ctid::text".to_owned();
    }
    mapping.key_text(View::Source)
}

/// What a staged row is made of, as `stage::into_rows` and `merge::into_rows`
/// want it.
fn source_columns(mapping: &Mapping) -> String {
    let columns: Vec<&str> = mapping.columns.iter().map(|column| column.source.as_str()).collect();
    let columns = columns.join(", ");
    match mapping.existence {
        Existence::InTable => columns,
        Existence::InLedger => format!("{}, {columns}", mapping.key_text(View::Source)),
    }
}

fn with_keys(mapping: &Mapping, keys: &[Vec<String>]) -> String {
    let arrays: Vec<String> = mapping
        .key
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let values = keys.iter().map(|key| key.get(index).map(String::as_str));
            format!("{}::{}[]", array_literal(values), column.source_type)
        })
        .collect();
    let key = mapping.key_in(View::Source).join(", ");
    match arrays.as_slice() {
        [only] => format!("{key} = any ({only})"),
        several => format!("({key}) in (select * from unnest({}))", several.join(", ")),
    }
}

fn copy_out(rows: &str, format: Format) -> Sql {
    let options = match format {
        Format::Text => "",
        Format::Binary => " (format binary)",
    };
    Sql::new(format!("copy ({rows}) to stdout{options}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sql::changed::{Echoes, Ids};
    use crate::db::sql::mapping::tests::{composite, mapping};

    const ALL: Selection<'static> =
        Selection { changed: &Changed::Everything, slice: &Slice::All, again: &[] };

    #[test]
    fn everything_is_read_without_a_condition() {
        assert_eq!(
            keys(&mapping(), ALL).copy(Format::Text).to_string(),
            "copy (select \"rem_id\", coalesce(false, false) from \"public\".\"reminder\" \
             where \"rem_id\" is not null and true) to stdout"
        );
    }

    #[test]
    fn the_change_cursor_leaves_out_our_own_writes_and_adds_rejects() {
        let changed =
            Changed::SinceHorizon { horizon: 750, ids: Ids::ByAge, echoes: Echoes::LeftOut };
        let mut mapping = mapping();
        mapping.scope = Some("(org_id = 1)".to_owned());
        let again = ["[\"5\"]".to_owned()];
        let selection = Selection { changed: &changed, slice: &Slice::All, again: &again };
        assert_eq!(
            condition(&mapping, selection),
            "(org_id = 1) and ((age(xmin) <= (select age('750'::xid8::xid)) and xmin not in \
             (select own.xid::xid from pgsync.own_writes as own where own.xid >= '750' \
             and own.server = (select pgsync.server()) and own.desktop = coalesce(current_setting('pgsync.desktop', true), ''))) \
             or json_build_array(trim_scale((\"rem_id\")::numeric)::text)::text \
             = any ('{\"[\\\"5\\\"]\"}'::text[]))"
        );
    }

    #[test]
    fn rows_that_share_a_key_with_a_changed_one_are_in_one_slice() {
        let changed =
            Changed::SinceHorizon { horizon: 750, ids: Ids::ByAge, echoes: Echoes::Unknown };
        let slice = Slice::SharingKeys(changed);
        let mut mapping = composite();
        mapping.scope = Some("(org_id = 1)".to_owned());
        assert_eq!(
            condition(&mapping, Selection { slice: &slice, ..ALL }),
            "(org_id = 1) and (age(xmin) <= (select age('750'::xid8::xid)) \
             or (\"rem_id\", \"lang\") in (select \"rem_id\", \"lang\" from \"public\".\"reminder\" \
             where (org_id = 1) and age(xmin) <= (select age('750'::xid8::xid))))"
        );
    }

    #[test]
    fn slices_cut_by_bucket_or_by_page() {
        let buckets = Slice::Buckets { count: 64, wanted: vec![3, 9] };
        let selection = Selection { slice: &buckets, ..ALL };
        assert_eq!(
            condition(&mapping(), selection),
            "(hash_numeric_extended((\"rem_id\")::numeric, 0) & 63) = any ('{3,9}'::bigint[])"
        );
        let pages = Slice::Pages { from: 10, to: Some(20) };
        let selection = Selection { slice: &pages, ..ALL };
        assert_eq!(
            condition(&mapping(), selection),
            "ctid >= '(10,0)'::tid and ctid < '(20,0)'::tid"
        );
    }

    #[test]
    fn wanted_rows_are_named_by_their_keys() {
        let keys = [vec!["1".into()], vec!["2".into()]];
        assert_eq!(
            rows_with_keys(&mapping(), &keys).copy(Format::Binary).to_string(),
            "copy (select \"rem_id\", (upper(remtitle)) from \"public\".\"reminder\" \
             where \"rem_id\" = any ('{\"1\",\"2\"}'::numeric[])) to stdout (format binary)"
        );
        assert_eq!(
            with_keys(&composite(), &[vec!["1".into(), "it's".into()]]),
            "(\"rem_id\", \"lang\") in \
             (select * from unnest('{\"1\"}'::numeric[], '{\"it''s\"}'::text[]))"
        );
    }

    #[test]
    fn a_row_brings_its_name_and_all_of_it_along() {
        let keys = [vec!["1".into()]];
        let query = rows_with_keys(&mapping(), &keys);
        let rest = "\"rem_id\", (upper(remtitle)) from \"public\".\"reminder\" \
                    where \"rem_id\" = any ('{\"1\"}'::numeric[])) to stdout";
        let name = "json_build_array(trim_scale((\"rem_id\")::numeric)::text)::text";
        let json = "to_jsonb(\"reminder\".*)::text";
        assert_eq!(
            query.copy_told(&mapping()).to_string(),
            format!("copy (select {name}, {json}, {rest}")
        );
        let length = Length { index: 1, letters: 10, type_name: "varchar(10)".to_owned() };
        assert_eq!(
            query.copy_loosely(&mapping(), &[length]).to_string(),
            format!(
                "copy (select {name}, case when char_length(((upper(remtitle)))::text) > 10 \
                 then {json} end, {rest}"
            )
        );
    }
}

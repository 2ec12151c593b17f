//! Staging without lengths, for rows of which some are too long: one statement
//! finds them all.
//!
//! - `pgsync_loose`: as `pgsync_rows`, but texts may be of any length, and
//!   each row has its name before it, and the source's row if it is too long

use crate::db::copy::Into;
use crate::db::sql::Sql;
use crate::db::sql::mapping::{Comparison, Mapping};
use crate::db::sql::refusal::REFUSED_ROW;
use crate::ident::literal;

/// A written column that takes only so many letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Length {
    /// Its place among the written columns.
    pub index: usize,
    pub letters: u32,
    /// As people know it, e.g. `character varying(10)`.
    pub type_name: String,
}

/// The name of a column in staging.
fn staged(mapping: &Mapping, index: usize) -> String {
    match mapping.comparison {
        Comparison::Keys => {
            mapping.columns.get(index).map_or_else(String::new, |column| column.target.sql())
        }
        Comparison::RowsByKey | Comparison::Rows => format!("c{}", index + 1),
    }
}

/// Makes `pgsync_loose`; `pgsync_rows` is there already.
#[must_use]
pub fn create(mapping: &Mapping, lengths: &[Length]) -> Sql {
    let loosen =
        |length: &Length| format!("alter column {} type text", staged(mapping, length.index));
    let loosened: Vec<String> = lengths.iter().map(loosen).collect();
    Sql::new(format!(
        "create temporary table pgsync_loose on commit drop as \
         select null::text as pgsync_name, null::jsonb as pgsync_row, r.* \
         from pg_temp.pgsync_rows as r with no data;\n\
         alter table pg_temp.pgsync_loose {}",
        loosened.join(", ")
    ))
}

/// What fills it, instead of `into`.
#[must_use]
pub fn instead_of(into: &Into) -> Into {
    Into {
        table: "pg_temp.pgsync_loose".to_owned(),
        columns: format!("pgsync_name, pgsync_row, {}", into.columns),
    }
}

/// Refuses the rows that are too long, stages the others, and answers with the
/// numbers of both: staged, refused.
///
/// A row whose letters the source counts otherwise (`SQL_ASCII` counts bytes)
/// is kept as it was staged.
#[must_use]
pub fn settle(mapping: &Mapping, into: &Into, lengths: &[Length]) -> Sql {
    let whens: Vec<String> = lengths.iter().map(|length| too_long(mapping, length)).collect();
    let written = mapping.columns.iter().enumerate();
    let written: Vec<String> = written
        .map(|(index, column)| format!("r.{} as {}", staged(mapping, index), column.target.sql()))
        .collect();
    Sql::new(format!(
        "with refused as (insert into pg_temp.pgsync_refused \
         select null, s.pgsync_name, '22001', s.pgsync_why, \
         coalesce(s.pgsync_row, {REFUSED_ROW}) from \
         (select r.pgsync_name, r.pgsync_row, case {whens} end as pgsync_why, {written} \
         from pg_temp.pgsync_loose as r offset 0) as s \
         where s.pgsync_why is not null returning 1), \
         staged as (insert into {table} ({columns}) select {columns} \
         from pg_temp.pgsync_loose as r where case {whens} end is null returning 1) \
         select (select count(*) from staged), (select count(*) from refused)",
        whens = whens.join(" "),
        written = written.join(", "),
        table = into.table,
        columns = into.columns,
    ))
}

fn too_long(mapping: &Mapping, length: &Length) -> String {
    let name = mapping.columns.get(length.index).map_or("?", |column| column.target.as_str());
    let message = format!("value too long for type {} (column \"{name}\")", length.type_name);
    format!(
        "when char_length(r.{}) > {} then {}",
        staged(mapping, length.index),
        length.letters,
        literal(&message)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sql::mapping::tests::mapping;

    const LENGTH: fn() -> Length =
        || Length { index: 1, letters: 10, type_name: "character varying(10)".to_owned() };

    #[test]
    fn texts_are_staged_at_any_length() {
        assert_eq!(
            create(&mapping(), &[LENGTH()]).to_string(),
            "create temporary table pgsync_loose on commit drop as \
             select null::text as pgsync_name, null::jsonb as pgsync_row, r.* \
             from pg_temp.pgsync_rows as r with no data;\n\
             alter table pg_temp.pgsync_loose alter column \"title\" type text"
        );
    }

    #[test]
    fn what_is_too_long_is_refused_and_the_rest_is_staged() {
        let into = Into { table: "pg_temp.pgsync_rows".to_owned(), columns: "c1, c2".to_owned() };
        let mapping = Mapping { comparison: Comparison::RowsByKey, ..mapping() };
        assert_eq!(instead_of(&into).columns, "pgsync_name, pgsync_row, c1, c2");
        let case = "case when char_length(r.c2) > 10 then \
                    'value too long for type character varying(10) (column \"title\")' end";
        assert_eq!(
            settle(&mapping, &into, &[LENGTH()]).to_string(),
            format!(
                "with refused as (insert into pg_temp.pgsync_refused \
                 select null, s.pgsync_name, '22001', s.pgsync_why, \
                 coalesce(s.pgsync_row, {REFUSED_ROW}) from \
                 (select r.pgsync_name, r.pgsync_row, {case} as pgsync_why, \
                 r.c1 as \"rem_id\", r.c2 as \"title\" \
                 from pg_temp.pgsync_loose as r offset 0) as s \
                 where s.pgsync_why is not null returning 1), \
                 staged as (insert into pg_temp.pgsync_rows (c1, c2) select c1, c2 \
                 from pg_temp.pgsync_loose as r where {case} is null returning 1) \
                 select (select count(*) from staged), (select count(*) from refused)"
            )
        );
    }
}

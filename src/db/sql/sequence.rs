//! Sequences that serial and identity columns of the target own.

use crate::db::sql::Sql;
use crate::db::sql::mapping::Mapping;
use crate::ident::{Ident, TableName, literal};

/// The highest value of a column, rounded up where it has a scale, the last value of its sequence, and whether
/// that was handed out.
#[must_use]
pub fn sequence_gap(mapping: &Mapping, column: &Ident, sequence: &TableName) -> Sql {
    Sql::new(format!(
        "select (select ceil(max({})::numeric)::bigint from {}), last_value, is_called from {}",
        column.sql(),
        mapping.target.sql(),
        sequence.sql()
    ))
}

/// Draws `count` values from a sequence: this can only move it up, even while
/// others draw from it too.
#[must_use]
pub fn draw_from_sequence(sequence: &TableName, count: u64) -> Sql {
    let name = literal(&sequence.sql());
    Sql::new(format!("select count(nextval({name}::regclass)) from generate_series(1, {count})"))
}

/// Sets a sequence that lies far behind; nobody draws that many values while
/// this statement runs.
#[must_use]
pub fn set_sequence(sequence: &TableName, value: i64) -> Sql {
    Sql::new(format!("select setval({}::regclass, {value})", literal(&sequence.sql())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sql::mapping::tests::{ident, mapping};

    #[test]
    fn a_sequence_is_a_name_in_quotes_within_a_literal() {
        let name = TableName { schema: ident("my schema"), table: ident("it's_seq") };
        assert_eq!(
            draw_from_sequence(&name, 3).to_string(),
            "select count(nextval('\"my schema\".\"it''s_seq\"'::regclass)) \
             from generate_series(1, 3)"
        );
        assert_eq!(
            sequence_gap(&mapping(), &ident("id"), &name).to_string(),
            "select (select ceil(max(\"id\")::numeric)::bigint from \"public\".\"mbreminder\"), last_value, is_called \
             from \"my schema\".\"it's_seq\""
        );
    }
}

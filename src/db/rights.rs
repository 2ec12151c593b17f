//! What our role may do with tables that the configuration names.

use crate::db::connection::Row;
use crate::db::failure::Result;
use crate::db::sql::Sql;
use crate::ident::{TableName, literal};

/// What our role may do with a table. A right to some of its columns counts:
/// which of them are needed, a run finds out.
#[allow(clippy::struct_excessive_bools, reason = "five facts of the catalog, each its own")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights {
    pub select: bool,
    pub insert: bool,
    pub update: bool,
    pub delete: bool,
    /// Whether a policy hides rows from our role.
    pub hidden: bool,
}

/// Asks about several tables; the answers come with their numbers.
#[must_use]
pub fn ask(tables: &[TableName]) -> Sql {
    let one = |(number, name): (usize, &TableName)| {
        let (schema, table) = (literal(name.schema.as_str()), literal(name.table.as_str()));
        format!("({number}, {schema}, {table})")
    };
    let asked: Vec<String> = tables.iter().enumerate().map(one).collect();
    let asked = if asked.is_empty() { "(-1, '', '')".to_owned() } else { asked.join(", ") };
    Sql::new(ASK.replace("$ASKED", &asked))
}

const ASK: &str = "\
select asked.number, u.usage and (has_table_privilege(c.oid, 'select')
    or has_any_column_privilege(c.oid, 'select')),
  u.usage and (has_table_privilege(c.oid, 'insert')
    or has_any_column_privilege(c.oid, 'insert')),
  u.usage and (has_table_privilege(c.oid, 'update')
    or has_any_column_privilege(c.oid, 'update')),
  u.usage and has_table_privilege(c.oid, 'delete'),
  row_security_active(c.oid)
from (values $ASKED) as asked (number, schema_name, table_name)
join pg_catalog.pg_namespace as n on n.nspname = asked.schema_name
join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = asked.table_name,
lateral (select has_schema_privilege(n.oid, 'usage')) as u (usage)
where c.relkind in ('r', 'p', 'v', 'm', 'f')";

/// The rights in an answer about so many tables; `None` for one that is not
/// there.
///
/// # Errors
/// When the server answered in an unknown shape.
pub fn read(rows: &[Row], asked: usize) -> Result<Vec<Option<Rights>>> {
    let mut rights = vec![None; asked];
    for row in rows {
        let number: usize = row.number(0)?;
        if let Some(slot) = rights.get_mut(number) {
            *slot = Some(Rights {
                select: row.flag(1),
                insert: row.flag(2),
                update: row.flag(3),
                delete: row.flag(4),
                hidden: row.flag(5),
            });
        }
    }
    Ok(rights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::Ident;

    #[test]
    fn names_are_values_in_the_question() {
        let ident = |name| Ident::new(name).unwrap();
        let table = TableName { schema: ident("it's"), table: ident("t") };
        let asked = ask(&[table]).to_string();
        assert!(asked.contains("from (values (0, 'it''s', 't')) as asked"), "{asked}");
        assert!(ask(&[]).to_string().contains("(values (-1, '', ''))"));
    }
}

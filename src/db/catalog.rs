//! The shape of tables, read from the system catalogs.
//!
//! One statement answers for all tables of a run, as JSON, a table a row.
//! What follows from a shape is decided in `engine::plan`, not here.

use crate::db::connection::Row;
use crate::db::failure::{Failure, Result};
use crate::db::sql::Sql;
use crate::ident::{Ident, TableName, literal};
use serde::Deserialize;

/// A table as the catalogs describe it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Table {
    pub oid: u32,
    pub kind: Kind,
    /// Every table that holds rows of it: itself, or its partitions and heirs.
    pub leaves: Vec<Leaf>,
    /// Size of the table itself in pages of 8 KiB.
    pub pages: u64,
    pub columns: Vec<Column>,
    pub unique_indexes: Vec<UniqueIndex>,
    pub foreign_keys: Vec<ForeignKey>,
    pub checks: Vec<Check>,
    /// Whether a trigger of a user's looks at new rows.
    pub insert_trigger: bool,
}

/// What sort of relation it is.
///
/// Source: <https://www.postgresql.org/docs/current/catalog-pg-class.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Kind {
    #[serde(rename = "r")]
    Table,
    #[serde(rename = "p")]
    Partitioned,
    #[serde(rename = "v")]
    View,
    #[serde(rename = "m")]
    MaterializedView,
    #[serde(rename = "f")]
    Foreign,
    #[serde(other)]
    Other,
}

/// A relation that holds rows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Leaf {
    pub oid: u32,
    pub kind: Kind,
    /// `None` for relations without storage of their own.
    pub access_method: Option<String>,
}

/// A column.
#[allow(clippy::struct_excessive_bools, reason = "four facts of the catalog, each its own")]
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Column {
    pub name: String,
    /// With length and scale, as `format_type` spells it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Without them; for a domain, the type beneath it. Spelled so that a cast
    /// to it cuts nothing: `bpchar`, never `character`, which means one letter.
    pub base_type: String,
    /// The type's own name if it is one of PostgreSQL's own, else `None`.
    pub builtin: Option<String>,
    /// As `type_name`, but for a domain those of the type beneath it.
    pub plain_type: String,
    /// As `builtin`, but for a domain that of the type beneath it.
    pub plain_builtin: Option<String>,
    pub not_null: bool,
    pub has_default: bool,
    pub generated: bool,
    pub identity: bool,
    /// The sequence that a serial or identity column owns: schema and name.
    pub sequence: Option<(String, String)>,
}

/// A unique index that holds for every row: valid, not partial, over plain
/// columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UniqueIndex {
    pub primary: bool,
    /// Whether it holds after every statement, or may be deferred.
    pub immediate: bool,
    pub columns: Vec<String>,
}

/// A foreign key, also one whose table we may not read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ForeignKey {
    pub name: String,
    pub columns: Vec<String>,
    /// Schema and name of the table that it points to.
    pub parent: (String, String),
    pub parent_columns: Vec<String>,
    /// Whether our role sees every row there.
    pub readable: bool,
}

/// A check constraint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Check {
    pub name: String,
    pub columns: Vec<String>,
    /// As the server spells it, over the bare names of the columns.
    pub expression: String,
}

impl Table {
    /// The column with this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns of the primary key, if there is one.
    #[must_use]
    pub fn primary_key(&self) -> Option<&[String]> {
        let primary = self.unique_indexes.iter().find(|index| index.primary)?;
        Some(&primary.columns)
    }

    /// Whether a unique index covers exactly these columns, at every moment.
    #[must_use]
    pub fn is_unique_over(&self, columns: &[&str]) -> bool {
        self.unique_indexes.iter().any(|index| {
            index.immediate
                && index.columns.len() == columns.len()
                && index.columns.iter().all(|column| columns.contains(&column.as_str()))
        })
    }
}

/// The shapes in an answer to [`describe`] about so many tables; `None` for
/// one that is not there.
///
/// # Errors
/// When the server answered in an unknown shape.
pub fn tables(rows: &[Row], asked: usize) -> Result<Vec<Option<Table>>> {
    let mut shapes = vec![None; asked];
    for row in rows {
        let slot: usize = row.number(0)?;
        let table: Table = serde_json::from_str(row.text(1)?).map_err(|error| {
            Failure::Unexpected(format!("the catalog's answer has another shape: {error}"))
        })?;
        if let Some(shape) = shapes.get_mut(slot) {
            *shape = Some(table);
        }
    }
    Ok(shapes)
}

/// Asks for every table that somebody of the firm can have made: not the
/// server's own, not ours, not Supabase's, no part of an extension, and no
/// partition by itself.
#[must_use]
pub fn list() -> Sql {
    Sql::new(LIST)
}

const LIST: &str = "\
select n.nspname, c.relname
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'pgsync', 'auth', 'cron',
    'extensions', 'graphql', 'graphql_public', 'net', 'pgbouncer', 'pgmq', 'pgsodium', 'realtime',
    '_realtime', 'storage', 'supabase_functions', 'supabase_migrations', '_supavisor', 'vault')
  and c.relname not in ('_sync_metadata', '_reverse_sync_metadata')
  and not exists (
    select from pg_catalog.pg_depend as d
    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by n.nspname, c.relname";

/// The names in an answer to [`list`].
///
/// # Errors
/// When the server answered in an unknown shape.
pub fn names(rows: &[Row]) -> Result<Vec<TableName>> {
    let ident = |text: &str| {
        Ident::new(text).map_err(|bad| Failure::Unexpected(format!("an odd name: {bad}")))
    };
    let name =
        |row: &Row| Ok(TableName { schema: ident(row.text(0)?)?, table: ident(row.text(1)?)? });
    rows.iter().map(name).collect()
}

/// Asks for the shapes of several tables.
#[must_use]
pub fn describe(tables: &[TableName]) -> Sql {
    let asked: Vec<String> = tables
        .iter()
        .enumerate()
        .map(|(number, name)| {
            let (schema, table) = (literal(name.schema.as_str()), literal(name.table.as_str()));
            format!("({number}, {schema}, {table})")
        })
        .collect();
    let asked = if asked.is_empty() { "(-1, '', '')".to_owned() } else { asked.join(", ") };
    Sql::new(DESCRIBE.replace("$ASKED", &asked))
}

/// `relallvisible` and other statistics are left out on purpose: a plan must
/// not depend on when somebody last ran ANALYZE.
const DESCRIBE: &str = "\
select asked.number, jsonb_build_object(
  'oid', c.oid::bigint,
  'kind', c.relkind,
  'pages', case when c.relkind in ('r', 'm')
    then pg_relation_size(c.oid) / current_setting('block_size')::bigint else 0 end,
  'leaves', (
    with recursive heirs (oid) as (
      select c.oid
      union
      select i.inhrelid from pg_catalog.pg_inherits as i join heirs on i.inhparent = heirs.oid)
    select coalesce(jsonb_agg(jsonb_build_object(
      'oid', h.oid::bigint, 'kind', h.relkind, 'access_method', am.amname) order by h.oid), '[]')
    from heirs
    join pg_catalog.pg_class as h on h.oid = heirs.oid and h.relkind not in ('p', 'I')
    left join pg_catalog.pg_am as am on am.oid = h.relam),
  'columns', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'name', a.attname,
      'type', format_type(a.atttypid, a.atttypmod),
      'base_type', format_type(coalesce(nullif(t.typbasetype, 0), t.oid), -1),
      'builtin', case when t.oid < 16384 and t.typtype = 'b' then t.typname end,
      'plain_type', case when t.typtype = 'd' then format_type(b.oid, t.typtypmod)
        else format_type(a.atttypid, a.atttypmod) end,
      'plain_builtin', case when b.oid < 16384 and b.typtype = 'b' then b.typname end,
      'not_null', a.attnotnull or t.typnotnull,
      'has_default', (a.atthasdef and a.attgenerated = '') or t.typdefault is not null,
      'generated', a.attgenerated <> '',
      'identity', a.attidentity <> '',
      'sequence', (
        select jsonb_build_array(n.nspname, s.relname)
        from pg_catalog.pg_depend as d
        join pg_catalog.pg_class as s on s.oid = d.objid and s.relkind = 'S'
        join pg_catalog.pg_namespace as n on n.oid = s.relnamespace
        where d.classid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i')
          and d.refclassid = 'pg_catalog.pg_class'::regclass
          and d.refobjid = c.oid and d.refobjsubid = a.attnum
        limit 1)
      ) order by a.attnum), '[]')
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_type as t on t.oid = a.atttypid
    join pg_catalog.pg_type as b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  'unique_indexes', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'primary', x.indisprimary,
      'immediate', x.indimmediate,
      'columns', (
        select jsonb_agg(a.attname order by k.position)
        from unnest(x.indkey::smallint[]) with ordinality as k (attnum, position)
        join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum
        where k.position <= x.indnkeyatts)
      ) order by x.indexrelid), '[]')
    from pg_catalog.pg_index as x
    where x.indrelid = c.oid and x.indisunique and x.indisvalid
      and x.indpred is null and x.indexprs is null),
  'foreign_keys', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'name', f.conname,
      'parent', jsonb_build_array(n.nspname, p.relname),
      'readable', f.confmatchtype = 's' and has_schema_privilege(n.oid, 'usage')
        and has_table_privilege(p.oid, 'select')
        and (not p.relrowsecurity or (select r.rolbypassrls or r.rolsuper
          from pg_catalog.pg_roles as r where r.rolname = current_user)
          or (not p.relforcerowsecurity and pg_has_role(p.relowner, 'usage'))),
      'columns', (
        select jsonb_agg(a.attname order by k.position)
        from unnest(f.conkey) with ordinality as k (attnum, position)
        join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum),
      'parent_columns', (
        select jsonb_agg(a.attname order by k.position)
        from unnest(f.confkey) with ordinality as k (attnum, position)
        join pg_catalog.pg_attribute as a on a.attrelid = p.oid and a.attnum = k.attnum)
      ) order by f.conname), '[]')
    from pg_catalog.pg_constraint as f
    join pg_catalog.pg_class as p on p.oid = f.confrelid
    join pg_catalog.pg_namespace as n on n.oid = p.relnamespace
    where f.conrelid = c.oid and f.contype = 'f'),
  'checks', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'name', k.conname,
      'expression', pg_get_expr(k.conbin, k.conrelid),
      'columns', (
        select coalesce(jsonb_agg(a.attname), '[]') from unnest(k.conkey) as n (attnum)
        join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = n.attnum)
      ) order by k.conname), '[]')
    from pg_catalog.pg_constraint as k
    where k.conrelid = c.oid and k.contype = 'c'),
  'insert_trigger', exists (
    select from pg_catalog.pg_trigger as g
    where not g.tgisinternal and g.tgenabled <> 'D' and g.tgtype & 4 <> 0
      and (g.tgrelid = c.oid or g.tgrelid in (
        select i.inhrelid from pg_catalog.pg_inherits as i where i.inhparent = c.oid)))
)::text
from (values $ASKED) as asked (number, schema_name, table_name)
join pg_catalog.pg_namespace as n on n.nspname = asked.schema_name
join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = asked.table_name
where c.relkind in ('r', 'p', 'v', 'm', 'f')";

#[cfg(test)]
mod tests {
    use super::*;

    fn table(unique_indexes: Vec<UniqueIndex>) -> Table {
        Table {
            oid: 1,
            kind: Kind::Table,
            leaves: Vec::new(),
            pages: 0,
            columns: Vec::new(),
            unique_indexes,
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            insert_trigger: false,
        }
    }

    #[test]
    fn a_unique_index_counts_only_for_exactly_its_columns() {
        let index = |columns: &[&str]| UniqueIndex {
            primary: true,
            immediate: true,
            columns: columns.iter().map(ToString::to_string).collect(),
        };
        let table = table(vec![index(&["a", "b"])]);
        assert!(table.is_unique_over(&["b", "a"]));
        assert!(!table.is_unique_over(&["a"]));
        assert!(!table.is_unique_over(&["a", "b", "c"]));
        assert_eq!(table.primary_key(), Some(&["a".to_owned(), "b".to_owned()][..]));
    }

    #[test]
    fn a_deferrable_primary_key_is_a_key_but_no_guard() {
        let columns = vec!["a".to_owned()];
        let index = UniqueIndex { primary: true, immediate: false, columns: columns.clone() };
        let table = table(vec![index]);
        assert_eq!(table.primary_key(), Some(columns.as_slice()));
        assert!(!table.is_unique_over(&["a"]));
    }

    #[test]
    fn names_are_values_in_the_question() {
        let name = TableName {
            schema: crate::ident::Ident::new("it's").unwrap(),
            table: crate::ident::Ident::new("t").unwrap(),
        };
        assert!(describe(&[name]).to_string().contains("(values (0, 'it''s', 't'))"));
    }
}

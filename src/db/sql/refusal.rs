//! Staged rows that the target refuses: found by its own rules, or numbered so
//! that they can be tried in parts, and set aside.
//!
//! - `pgsync_refused`: rows (by their place in staging, where they got so far)
//!   with key, SQLSTATE, message and the row as JSON
//! - `pgsync_order`: the staged rows that are to be written, numbered
//!
//! A rule that cannot be asked here (a trigger, an exclusion, a check over a
//! column that is not written) is left to the target itself.

use crate::branch::Branch;
use crate::db::sql::mapping::{Comparison, Existence, Form, Mapping, View};
use crate::db::sql::owned::REJECTED_AGAIN;
use crate::db::sql::{Sql, merge, mirror, stage};
use crate::ident::{Ident, TableName, literal};

/// The target's rules that can be asked over staged rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Constraints {
    pub not_null: Vec<Ident>,
    pub foreign_keys: Vec<ForeignKey>,
    pub checks: Vec<Check>,
    /// Columns of unique indexes, except the one over the key.
    pub uniques: Vec<Vec<Ident>>,
}

/// A foreign key of the target (`match simple`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    pub name: String,
    /// Column here, form in which its values are spelled, column there.
    pub columns: Vec<(Ident, Form, Ident)>,
    pub parent: TableName,
}

/// A check constraint, over the bare names of the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub name: String,
    pub expression: String,
}

impl Constraints {
    /// Whether there is nothing to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// Which of the staged rows a statement writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    All,
    /// The rows that `pgsync_order` gives these numbers.
    Between {
        from: u64,
        below: u64,
    },
}

impl Part {
    /// The condition over a row's place in staging, with ` and ` before it.
    #[must_use]
    pub fn condition(self, place: &str) -> String {
        match self {
            Self::All => String::new(),
            Self::Between { from, below } => format!(
                " and {place} in (select o.row_at from pg_temp.pgsync_order as o \
                 where o.n >= {from} and o.n < {below})"
            ),
        }
    }
}

/// Makes `pgsync_refused`.
#[must_use]
pub fn create_refused() -> Sql {
    Sql::new(
        "create temporary table pgsync_refused (row_at tid, key text, sqlstate text, \
         message text, source_row jsonb) on commit drop",
    )
}

/// The staged rows that are to be written, under the target's names, with
/// `pgsync_at` and `pgsync_key`.
fn to_write(mapping: &Mapping) -> String {
    let from = "from pg_temp.pgsync_rows as r";
    match (mapping.comparison, mapping.existence) {
        (Comparison::Keys, existence) => {
            let columns: Vec<String> =
                mapping.columns.iter().map(|column| format!("r.{}", column.target.sql())).collect();
            let missing = match existence {
                Existence::InTable => format!(" where not {}", stage::stands_on_target(mapping)),
                Existence::InLedger => String::new(),
            };
            let key = stage::key_of_row(mapping);
            format!(
                "select r.ctid as pgsync_at, {key} as pgsync_key, {} {from}{missing}",
                columns.join(", ")
            )
        }
        (comparison, _) => {
            let wanted = match comparison {
                Comparison::Rows => "select l.row_at from pg_temp.pgsync_lacking as l",
                _ => {
                    "select m.row_at from pg_temp.pgsync_matched as m \
                     where m.fate in ('update', 'missing')"
                }
            };
            let columns = mapping.columns_in(View::Staged("r")).into_iter().zip(&mapping.columns);
            let columns: Vec<String> = columns
                .map(|(value, column)| format!("{value} as {}", column.target.sql()))
                .collect();
            let key = merge::key_text(mapping);
            format!(
                "select r.ctid as pgsync_at, {key} as pgsync_key, {} {from} \
                 where r.ctid in ({wanted})",
                columns.join(", ")
            )
        }
    }
}

/// A staged row as JSON, without what we added.
pub const REFUSED_ROW: &str = "to_jsonb(s.*) \
    - array['pgsync_at', 'pgsync_key', 'pgsync_name', 'pgsync_row', 'pgsync_why', 'pgsync_copy']";

/// Puts the rows that break a rule into `pgsync_refused`, the first broken
/// rule with each.
#[must_use]
pub fn find(mapping: &Mapping, constraints: &Constraints, direction: &str) -> Sql {
    let mut whens: Vec<String> = constraints.not_null.iter().map(null_value).collect();
    whens.extend(constraints.checks.iter().map(broken_check));
    whens.extend(constraints.uniques.iter().map(|columns| taken(mapping, columns)));
    whens.extend(constraints.foreign_keys.iter().map(|key| orphan(mapping, key, direction)));
    let doubles = constraints.uniques.iter().map(|columns| double(mapping, columns));
    // Without `offset 0` the reason would be worked out once for every use.
    let broken = Sql::new(format!(
        "insert into pg_temp.pgsync_refused \
         select s.pgsync_at, s.pgsync_key, s.pgsync_why[1], s.pgsync_why[2], {REFUSED_ROW} from \
         (select s.*, case {} end as pgsync_why from ({}) as s offset 0) as s \
         where s.pgsync_why is not null",
        whens.join(" "),
        to_write(mapping),
    ));
    Sql::batch([broken].into_iter().chain(doubles))
}

/// Refuses all but the first of the staged rows that share what may stand only
/// once. Those that are refused for another reason are not in anybody's way.
fn double(mapping: &Mapping, columns: &[Ident]) -> Sql {
    let names: Vec<String> = columns.iter().map(|name| format!("s.{}", name.sql())).collect();
    let set: Vec<String> = names.iter().map(|name| format!("{name} is not null")).collect();
    Sql::new(format!(
        "insert into pg_temp.pgsync_refused \
         select s.pgsync_at, s.pgsync_key, '23505', {message} || {values} \
         || ' stands on several rows.', {REFUSED_ROW} from (select s.*, \
         row_number() over (partition by {names} order by s.pgsync_at) as pgsync_copy \
         from ({to_write}) as s where not exists (select from pg_temp.pgsync_refused as f \
         where f.row_at = s.pgsync_at)) as s where s.pgsync_copy > 1 and {set}",
        message = literal("duplicate key value violates unique constraint: Key "),
        values = named_values(columns),
        names = names.join(", "),
        to_write = to_write(mapping),
        set = set.join(" and "),
    ))
}

fn null_value(column: &Ident) -> String {
    let message = format!("null value in column \"{column}\" violates not-null constraint");
    format!("when s.{} is null then array['23502', {}]", column.sql(), literal(&message))
}

fn broken_check(check: &Check) -> String {
    let message = format!("new row violates check constraint \"{}\"", check.name);
    format!("when not ({}) then array['23514', {}]", check.expression, literal(&message))
}

/// Rows that are given another value in the same breath are no obstacle; what
/// comes of these the target decides.
fn taken(mapping: &Mapping, columns: &[Ident]) -> String {
    let equal: Vec<String> =
        columns.iter().map(|name| format!("u.{0} = s.{0}", name.sql())).collect();
    let leaves = match mapping.comparison {
        Comparison::Keys => "",
        Comparison::RowsByKey => {
            " and not exists (select from pg_temp.pgsync_matched as m \
             where m.at = u.ctid and m.part = u.tableoid)"
        }
        Comparison::Rows => {
            " and not exists (select from pg_temp.pgsync_surplus as p \
             where p.at = u.ctid and p.part = u.tableoid)"
        }
    };
    format!(
        "when exists (select from {} as u where {}{leaves}) then array['23505', \
         {}]",
        mapping.target.sql(),
        equal.join(" and "),
        format_args!(
            "{} || {} || ' already exists.'",
            literal("duplicate key value violates unique constraint: Key "),
            named_values(columns)
        ),
    )
}

/// `(a, b)=(1, 2)` of a staged row, as an SQL expression.
fn named_values(columns: &[Ident]) -> String {
    let names: Vec<&str> = columns.iter().map(Ident::as_str).collect();
    let values: Vec<String> =
        columns.iter().map(|name| format!("s.{}::text", name.sql())).collect();
    format!(
        "{} || concat_ws(', ', {}) || ')'",
        literal(&format!("({})=(", names.join(", "))),
        values.join(", ")
    )
}

/// A row of the same table may come with this one; then the target decides.
fn orphan(mapping: &Mapping, key: &ForeignKey, direction: &str) -> String {
    let set: Vec<String> =
        key.columns.iter().map(|(here, ..)| format!("s.{} is not null", here.sql())).collect();
    let equal: Vec<String> = key
        .columns
        .iter()
        .map(|(here, _, there)| format!("p.{} = s.{}", there.sql(), here.sql()))
        .collect();
    let (set, equal) = (set.join(" and "), equal.join(" and "));
    let beside = if key.parent == mapping.target {
        format!(" and not exists (select from ({}) as p where {equal})", to_write(mapping))
    } else {
        String::new()
    };
    let columns: Vec<Ident> = key.columns.iter().map(|(here, ..)| here.clone()).collect();
    let message = format!("violates foreign key constraint \"{}\": Key ", key.name);
    format!(
        "when {set} and not exists (select from {parent} as p where {equal}){beside} \
         then array['23503', {message} || {values} || {absent}{rejected}]",
        parent = key.parent.sql(),
        message = literal(&message),
        values = named_values(&columns),
        absent = literal(&format!(" is not present in table \"{}\".", key.parent)),
        rejected = rejected_parent(&mapping.branch, key, direction),
    )
}

/// Says whether the row that is missing there was rejected itself.
fn rejected_parent(branch: &Branch, key: &ForeignKey, direction: &str) -> String {
    let values: Vec<String> =
        key.columns.iter().map(|(here, form, _)| form.text(&format!("s.{}", here.sql()))).collect();
    format!(
        " || case when exists (select from pgsync.rejects as j where j.direction = {} \
         and j.table_name = {} and j.key = json_build_array({})::text) \
         then ' That row was rejected itself.' else '' end",
        literal(direction),
        literal(&branch.ledger(&key.parent.to_string())),
        values.join(", ")
    )
}

/// Numbers the rows that are to be written: equal keys alike, so that a key
/// comes in whole or not at all. Answers with the highest number.
#[must_use]
pub fn number_rows(mapping: &Mapping) -> Sql {
    let number = match mapping.comparison {
        Comparison::Keys => "dense_rank() over (order by s.pgsync_key)",
        Comparison::RowsByKey | Comparison::Rows => "row_number() over (order by s.pgsync_at)",
    };
    Sql::new(format!(
        "create temporary table pgsync_order on commit drop as \
         select s.pgsync_at as row_at, {number} as n from ({}) as s;\n\
         analyze pg_temp.pgsync_order;\n\
         select coalesce(max(n), 0) from pg_temp.pgsync_order",
        to_write(mapping)
    ))
}

/// Puts the rows with this number into `pgsync_refused`.
#[must_use]
pub fn refuse_number(mapping: &Mapping, number: u64, sqlstate: &str, message: &str) -> Sql {
    Sql::new(format!(
        "insert into pg_temp.pgsync_refused \
         select s.pgsync_at, s.pgsync_key, {}, {}, {REFUSED_ROW} from ({}) as s \
         join pg_temp.pgsync_order as o on o.row_at = s.pgsync_at where o.n = {number}",
        literal(sqlstate),
        literal(message),
        to_write(mapping),
    ))
}

/// A row that did not even get into staging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its key, as [`Mapping::key_text`] spells it.
    pub key: String,
    pub sqlstate: String,
    pub message: String,
    /// The source's row as JSON.
    pub row: String,
}

/// Puts rows that did not get into staging into `pgsync_refused`.
#[must_use]
pub fn refuse_unstaged(rows: &[Refused]) -> Sql {
    let values: Vec<String> = rows
        .iter()
        .map(|row| {
            let (key, sqlstate) = (literal(&row.key), literal(&row.sqlstate));
            let (message, row) = (literal(&row.message), literal(&row.row));
            format!("(null, {key}, {sqlstate}, {message}, {row}::jsonb)")
        })
        .collect();
    Sql::new(format!("insert into pg_temp.pgsync_refused values {}", values.join(", ")))
}

/// Keeps the refused rows as rejects, and takes them out of what is written.
/// Answers with their number.
#[must_use]
pub fn set_aside(mapping: &Mapping, direction: &str, run: &str) -> Sql {
    // By content, several rows may share a key, or have none.
    let (one, hash) = match mapping.comparison {
        Comparison::Rows => ("f.key, f.source_row", "md5(f.source_row::text)"),
        Comparison::Keys | Comparison::RowsByKey => ("f.key", "''"),
    };
    let keep = Sql::new(format!(
        "insert into pgsync.rejects as known \
         (direction, table_name, key, row_hash, reason, sqlstate, message, source_row, run_id) \
         select distinct on ({one}) {direction}, {name}, f.key, {hash}, 'refused', \
         f.sqlstate, f.message, f.source_row, {run} from pg_temp.pgsync_refused as f \
         {REJECTED_AGAIN}",
        direction = literal(direction),
        name = mapping.ledger_name(),
        run = literal(run),
    ));
    let take_out = match mapping.comparison {
        Comparison::Keys => stage::leave_out_refused(mapping),
        Comparison::RowsByKey => merge::leave_out_refused(mapping),
        Comparison::Rows => mirror::leave_out_refused(mapping),
    };
    let count = Sql::new(
        "with gone as (delete from pg_temp.pgsync_refused returning 1) select count(*) from gone",
    );
    Sql::batch([keep, take_out, count])
}

/// What writes the staged rows of a part.
#[must_use]
pub fn write(mapping: &Mapping, part: Part) -> Sql {
    match mapping.comparison {
        Comparison::Keys => stage::insert_missing(mapping, part),
        Comparison::RowsByKey => merge::update_and_insert(mapping, part),
        Comparison::Rows => mirror::update_and_insert(mapping, part),
    }
}

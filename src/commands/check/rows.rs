//! What the rows of a pair say: keys that are none, and values that the
//! target would refuse. Pure.

use crate::commands::check::pair::{End, Seen};
use crate::commands::check::tell::{Teller, here, in_section, on};
use crate::config::{Mode, OnDuplicate};
use crate::db::sql::inspect::Reference;
use crate::db::sql::mapping::View;
use crate::engine::inspection::{Keys, Looked, Orphans, SourceRows};
use crate::engine::plan::TablePlan;
use crate::ident::{Ident, TableName, literal};
use crate::report::figures::{count, of};

/// What is to be said about the rows of a pair.
pub(super) fn told(teller: &mut Teller, seen: &Seen, plan: &TablePlan) {
    match &seen.rows {
        Looked::Found(rows) => {
            source_keys(teller, seen, plan, rows.keys);
            nulls(teller, seen, rows);
            lengths(teller, seen, plan, rows);
            orphans(teller, seen, plan, rows);
        }
        Looked::LeftOut => left_out(teller, &seen.source, &seen.pair.source),
        Looked::Refused(failure) => {
            let text = format!("its rows could not be looked at: {failure}");
            teller.misconfigured("rows", text, here("correct the SQL of its rules"));
        }
    }
    match &seen.keys {
        Looked::Found(keys) => target_keys(teller, seen, plan, *keys),
        Looked::LeftOut => left_out(teller, &seen.target, &seen.pair.target),
        Looked::Refused(failure) => {
            let text = format!("its keys could not be looked at: {failure}");
            teller.misconfigured("rows", text, here("correct its key"));
        }
    }
}

/// A side that we may not read says so itself.
fn left_out(teller: &mut Teller, end: &End, table: &TableName) {
    if end.rights.is_some_and(|rights| rights.select && !rights.hidden) {
        let text = format!(
            "the rows of {table} on the {} were not looked at: it would have taken too long",
            end.side.word()
        );
        teller.warn("rows", text, here(format!("pgsync check {table}")));
    }
}

/// `16.0 %`
fn percent(part: u64, whole: u64) -> String {
    let tenths = part.saturating_mul(1_000).checked_div(whole).unwrap_or(0);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn source_keys(teller: &mut Teller, seen: &Seen, plan: &TablePlan, keys: Keys) {
    let (mapping, side) = (&plan.mapping, seen.source.side);
    let table = mapping.source.sql();
    if keys.keyless > 0 {
        let text = format!(
            "{} on the {} without a whole key (of {}): set aside as rejected",
            of(keys.keyless, "row"),
            side.word(),
            count(keys.rows)
        );
        let line =
            format!("select * from {table} where not ({});", mapping.key_is_complete(View::Source));
        teller.warn("null keys", text, on(side, line));
    }
    if keys.shared == 0 {
        return;
    }
    let stand =
        format!("{} on {} of the {}", stand(keys.shared), of(keys.sharing, "row"), side.word());
    match (plan.mode, &plan.on_duplicate) {
        (Mode::Upsert, OnDuplicate::Reject) => {
            let stamp =
                mapping.columns.iter().find(|column| column.target.as_str() == "updated_at");
            let line = match stamp {
                Some(_) => "on_duplicate = { latest = \"updated_at\" }",
                None => "mode = \"mirror\"",
            };
            let text = format!("{stand}: none of these rows is carried");
            teller.warn("duplicate keys", text, in_section(seen.rules_section(), line));
        }
        (Mode::Upsert, OnDuplicate::Latest(column)) => {
            teller.detail("duplicate keys", format!("{stand}: the latest by {column} is carried"));
        }
        (Mode::Mirror, _) => {
            teller.detail("duplicate keys", format!("{stand}: a mirror carries all of them"));
        }
        (Mode::InsertMissing | Mode::Off, _) => {
            teller.detail("duplicate keys", format!("{stand}: all of them are inserted"));
        }
    }
}

fn stand(keys: u64) -> String {
    if keys == 1 { "1 key stands".to_owned() } else { format!("{} keys stand", count(keys)) }
}

fn target_keys(teller: &mut Teller, seen: &Seen, plan: &TablePlan, keys: Keys) {
    if keys.shared == 0 {
        return;
    }
    let (side, view) = (seen.target.side, View::Target("t"));
    let text =
        format!("{} on {} of the {}", stand(keys.shared), of(keys.sharing, "row"), side.word());
    if plan.mode == Mode::Mirror {
        return teller.detail("duplicate keys", format!("{text}: a mirror counts copies"));
    }
    let key = plan.mapping.key_in(view).join(", ");
    let line = format!(
        "select {key}, count(*) from {} as t group by {key} having count(*) > 1;",
        plan.mapping.target.sql()
    );
    let what = match plan.mode {
        Mode::Upsert => "each of them is brought up to date",
        _ => "a row with such a key counts as there",
    };
    teller.warn("duplicate keys", format!("{text}: {what}"), on(side, line));
}

fn nulls(teller: &mut Teller, seen: &Seen, rows: &SourceRows) {
    let named = seen.asked.not_null.iter().zip(&rows.nulls);
    let is_key = |name: &Ident| {
        seen.plan().is_some_and(|plan| plan.mapping.key.iter().any(|key| key.target == *name))
    };
    for (column, nulls) in named.filter(|(name, nulls)| **nulls > 0 && !is_key(name)) {
        let text = format!(
            "{} ({}) without {column}, which the {} demands: rejected",
            of(*nulls, "row"),
            percent(*nulls, rows.keys.rows),
            seen.target.side.word()
        );
        let line = format!(
            "columns = {{ {column} = \"coalesce({column}, {})\" }}",
            stand_in(seen, column)
        );
        teller.warn("nulls", text, in_section(seen.rules_section(), line));
    }
}

/// A value of the column's type that says nothing.
fn stand_in(seen: &Seen, column: &Ident) -> &'static str {
    let target = seen.target.shape.as_ref().ok().and_then(Option::as_ref);
    let column = target.and_then(|table| table.column(column.as_str()));
    match column.and_then(|column| column.plain_builtin.as_deref()) {
        Some("int2" | "int4" | "int8" | "numeric" | "float4" | "float8" | "money") => "0",
        Some("bool") => "false",
        Some("date" | "timestamp" | "timestamptz") => "'1900-01-01'",
        Some("time" | "timetz") => "'00:00'",
        Some("uuid") => "'00000000-0000-0000-0000-000000000000'",
        Some("json" | "jsonb") => "'{}'",
        _ => "''",
    }
}

fn lengths(teller: &mut Teller, seen: &Seen, plan: &TablePlan, rows: &SourceRows) {
    for ((column, room), (longest, too_long)) in seen.asked.lengths.iter().zip(&rows.lengths) {
        let text = format!("{column} has room for {room} letters, the longest has {longest}");
        if *too_long == 0 {
            teller.detail("lengths", text);
            continue;
        }
        let line = format!(
            "alter table {} alter column {} type varchar({longest});",
            plan.mapping.target.sql(),
            column.sql()
        );
        let text = format!("{text}: {} rejected", of(*too_long, "row"));
        teller.warn("lengths", text, on(seen.target.side, line));
    }
}

fn orphans(teller: &mut Teller, seen: &Seen, plan: &TablePlan, rows: &SourceRows) {
    let questions = seen.asked.references.iter().zip(&seen.asked.questions.references);
    for (((columns, parent), reference), orphans) in questions.zip(&rows.orphans) {
        let names: Vec<String> = columns.iter().map(ToString::to_string).collect();
        let names = names.join(", ");
        if orphans.values.is_empty() && !orphans.more {
            teller.detail("orphans", format!("every {names} is in {parent}"));
            continue;
        }
        let rows_of = orphans.rows();
        let least = if orphans.more { "at least " } else { "" };
        let text = format!(
            "{least}{} ({}) with a {names} that is not in {parent}: rejected",
            of(rows_of, "row"),
            percent(rows_of, rows.keys.rows),
        );
        let line = select_orphans(plan, reference, orphans);
        teller.warn("orphans", text, on(seen.source.side, line));
    }
}

/// The rows with the first of the values: a line has an end.
fn select_orphans(plan: &TablePlan, reference: &Reference, orphans: &Orphans) -> String {
    const MOST: usize = 20;
    let values: Vec<String> = orphans.values.keys().take(MOST).map(|text| literal(text)).collect();
    let table = plan.mapping.source.sql();
    if values.is_empty() {
        return format!("select distinct {} from {table};", reference.child_value());
    }
    format!("select * from {table} where {} in ({});", reference.child_value(), values.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_cut_and_never_rounded_up() {
        assert_eq!(percent(3_929, 24_562), "15.9 %");
        assert_eq!(percent(0, 0), "0.0 %");
        assert_eq!(percent(7, 7), "100.0 %");
    }

    #[test]
    fn one_key_is_not_several() {
        assert_eq!([stand(1), stand(2)], ["1 key stands", "2 keys stand"]);
    }
}

//! What a verification compares of a pair: the mapping of a run, narrowed to
//! the rows that have to be the same on both sides. Pure.
//!
//! A run may take in more than that, because it looks at each row before it
//! writes. A verification has nothing but the sums, as long as they are equal.

use crate::config::Mode;
use crate::db::sql::mapping::{
    Comparison, Existence, Form, KeyColumn, Mapping, TakingPart, Uniqueness, View,
};
use crate::engine::plan::TablePlan;
use crate::ident::{Ident, TableName};

/// The mapping whose sums are equal when a pair is as it should be.
///
/// Of an upsert the rows that came from the target are left out here, and its
/// protected rows there: each side may have changed them.
#[must_use]
pub fn compared(plan: &TablePlan) -> Option<Mapping> {
    let mapping = plan.mapping.clone();
    match (plan.mode, mapping.existence) {
        (Mode::Off | Mode::InsertMissing, Existence::InLedger) => in_ledger(&mapping, None),
        (Mode::Off | Mode::InsertMissing | Mode::Mirror, _) => Some(mapping),
        (Mode::Upsert, _) => Some(Mapping {
            scope: without_came_back(&mapping),
            came_back: None,
            taking_part: TakingPart::Unprotected,
            ..mapping
        }),
    }
}

/// The keys of the source's own rows, against the keys that were delivered;
/// nothing where no row is the source's own.
#[must_use]
pub fn delivered(plan: &TablePlan) -> Option<Mapping> {
    let owned = plan.mapping.owned.as_ref()?;
    let by_key = plan.mode == Mode::InsertMissing && plan.mapping.existence == Existence::InTable;
    if by_key { in_ledger(&plan.mapping, Some(owned)) } else { None }
}

fn without_came_back(mapping: &Mapping) -> Option<String> {
    let not_back = mapping.came_back.as_ref().map(|back| format!("not coalesce({back}, false)"));
    all_of(mapping.scope.as_ref(), not_back.as_ref())
}

fn all_of(left: Option<&String>, right: Option<&String>) -> Option<String> {
    match (left, right) {
        (Some(left), Some(right)) => Some(format!("({left} and {right})")),
        (one, other) => one.or(other).cloned(),
    }
}

/// The ledger of delivered keys as if it were the target's table: its one
/// column is the key as our own tables keep it.
fn in_ledger(mapping: &Mapping, only: Option<&String>) -> Option<Mapping> {
    let ident = |name: &str| Ident::new(name).ok();
    let key = KeyColumn {
        source: mapping.key_text(View::Source),
        source_type: "text".to_owned(),
        target: ident("key")?,
        staged_type: "text".to_owned(),
        form: Form::Text,
    };
    let scope = all_of(mapping.scope.as_ref(), only);
    let complete = mapping.key_is_complete(View::Source);
    Some(Mapping {
        target: TableName { schema: ident("pgsync")?, table: ident("delivered_keys")? },
        scope: all_of(scope.as_ref(), Some(&format!("({complete})"))),
        protected: Some(format!("(t.table_name <> {})", mapping.ledger_name())),
        came_back: None,
        key: vec![key],
        columns: Vec::new(),
        existence: Existence::InLedger,
        uniqueness: Uniqueness::Unguarded,
        comparison: Comparison::Keys,
        taking_part: TakingPart::Unprotected,
        ..mapping.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sql::changed::Changed;
    use crate::engine::plan::work::tests::plan;

    fn with(mode: Mode, existence: Existence) -> TablePlan {
        let mut plan = TablePlan { mode, ..plan(Changed::Everything) };
        plan.mapping.existence = existence;
        plan
    }

    #[test]
    fn an_upsert_answers_for_the_sources_rows_alone() {
        let mut plan = with(Mode::Upsert, Existence::InTable);
        plan.mapping.scope = Some("(a)".into());
        plan.mapping.came_back = Some("(b)".into());
        plan.mapping.protected = Some("(c)".into());
        let compared = compared(&plan).unwrap();
        assert_eq!(compared.scope.as_deref(), Some("((a) and not coalesce((b), false))"));
        assert_eq!(compared.compared_on_target(), "not coalesce((c), false)");
        assert_eq!(plan.mapping.compared_on_target(), "true");
    }

    #[test]
    fn where_the_ledger_stands_in_for_the_key_it_is_compared() {
        let plan = with(Mode::InsertMissing, Existence::InLedger);
        let ledger = compared(&plan).unwrap();
        assert_eq!(ledger.target.sql(), "\"pgsync\".\"delivered_keys\"");
        assert_eq!(ledger.scope.as_deref(), Some("(\"rem_id\" is not null)"));
        let ours = "not coalesce((t.table_name <> 'mbreminder'), false)";
        assert_eq!(ledger.compared_on_target(), ours);
        assert_eq!(
            ledger.key_in(View::Source),
            ["json_build_array(trim_scale((\"rem_id\")::numeric)::text)::text"]
        );
        assert_eq!(ledger.key_in(View::Target("t")), ["t.\"key\""]);
    }

    #[test]
    fn delivered_keys_are_asked_for_where_the_source_has_rows_of_its_own() {
        let mut plan = with(Mode::InsertMissing, Existence::InTable);
        assert_eq!(delivered(&plan), None);
        plan.mapping.owned = Some("(source = 'M')".into());
        let scope = delivered(&plan).unwrap().scope.unwrap();
        assert_eq!(scope, "((source = 'M') and (\"rem_id\" is not null))");
        plan.mode = Mode::Upsert;
        assert_eq!(delivered(&plan), None);
    }
}

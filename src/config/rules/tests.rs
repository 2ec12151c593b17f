//! Tests of `rules`, by value.

use super::super::testing::{causes, config, pair, with_tables};
use super::*;

fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

fn fragment(text: &str) -> SqlFragment {
    SqlFragment::parse(text).unwrap()
}

#[test]
fn every_key_of_a_direction_is_read() {
    let text = with_tables(
        "[tables.workdiary]\n\
         reverse = { mode = \"insert-missing\", where = \"source = 'M'\", cursor = \"auto\", \
         lookback = \"1h\", delivered = true, columns = { timefrom = \"date + timefrom\", \
         x = { skip = true }, y = { value = \"D\" }, n = { value = \"\" }, \
         z = { from = \"old_name\" }, w = { sql = \"1 + 1\" }, v = { null = true }, \
         u = { value = 5 } } }",
    );
    let rules = pair(&text, "workdiary").reverse;
    assert_eq!(rules.mode, Mode::InsertMissing);
    assert_eq!(rules.filter, Some(fragment("source = 'M'")));
    assert_eq!(rules.cursor, CursorChoice::Auto);
    assert_eq!(rules.lookback, Duration::from_secs(3600));
    assert_eq!(rules.keys, KeyOrigin::Delivered);
    let constant = |text: &str| ColumnRule::Value(Some(text.to_owned()));
    let expected = [
        ("timefrom", ColumnRule::Sql(fragment("date + timefrom"))),
        ("x", ColumnRule::Skip),
        ("y", constant("D")),
        ("n", constant("")),
        ("z", ColumnRule::From(ident("old_name"))),
        ("w", ColumnRule::Sql(fragment("1 + 1"))),
        ("v", ColumnRule::Value(None)),
        ("u", constant("5")),
    ];
    let expected: Vec<_> = expected.map(|(name, rule)| (ident(name), rule)).into();
    assert_eq!(rules.columns.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_pair_without_rules_does_nothing() {
    let pair = pair(&with_tables("[tables]\na = {}"), "a");
    assert_eq!(pair.reverse.mode, Mode::Off);
    assert_eq!(pair.forward.mode, Mode::Off);
    assert_eq!(pair.reverse.cursor, CursorChoice::Auto);
    assert_eq!(pair.reverse.lookback, LOOKBACK);
    assert_eq!(pair.reverse.keys, KeyOrigin::Shared);
    assert_eq!(pair.reverse.filter, None);
}

#[test]
fn defaults_lie_under_each_tables_own_rules() {
    let text = with_tables(
        "[defaults.reverse]\nmode = \"insert-missing\"\nwhere = \"a = 1\"\ncursor = \"none\"\n\
         columns = { x = { skip = true }, y = \"1\" }\n[tables]\n\
         a = {}\nb = { reverse = \"off\" }\n\
         c = { reverse = { where = false, cursor = \"updated_at\", columns = { y = \"2\" } } }",
    );
    let a = pair(&text, "a").reverse;
    assert_eq!((a.mode, a.filter), (Mode::InsertMissing, Some(fragment("a = 1"))));
    assert_eq!(a.cursor, CursorChoice::Reconcile);
    assert_eq!(pair(&text, "b").reverse.mode, Mode::Off);
    let c = pair(&text, "c").reverse;
    assert_eq!((c.mode, c.filter), (Mode::InsertMissing, None));
    assert_eq!(c.cursor, CursorChoice::Column(ident("updated_at")));
    assert_eq!(c.columns.get(&ident("x")), Some(&ColumnRule::Skip));
    assert_eq!(c.columns.get(&ident("y")), Some(&ColumnRule::Sql(fragment("2"))));
}

#[test]
fn modes_that_are_not_there_are_refused() {
    let told = |line: &str| causes(&with_tables(&format!("[tables.a]\n{line}")));
    assert_eq!(
        told("forward = \"insert-missing\""),
        ["line 7: forward in [tables.a] is \"insert-missing\", no mode of forward; known are \
          upsert, mirror and off"]
    );
    assert_eq!(told("forward = { mode = \"mirror\", max_delete = \"5%\" }"), [""; 0]);
    assert_eq!(
        told("forward = { mode = \"mirror\", max_delete = \"200%\" }"),
        ["line 7: max_delete in [tables.a.forward] must be a whole share from \"0%\" to \"100%\""]
    );
    assert_eq!(
        told("forward = { mode = \"upsert\", on_duplicate = \"newest\" }"),
        ["line 7: on_duplicate in [tables.a.forward] must be \"reject\", or { latest = \
          \"COLUMN\" } to take the row with the highest value there"]
    );
    assert_eq!(told("forward = \"off\""), [""; 0]);
    assert_eq!(
        told("reverse = \"insert_missing\""),
        ["line 7: reverse in [tables.a] is \"insert_missing\", no mode of reverse; did you mean \
          \"insert-missing\"?"]
    );
    assert_eq!(
        told("reverse = \"upsert\""),
        [
            "line 7: reverse in [tables.a] is \"upsert\", no mode of reverse; known are insert-missing and off"
        ]
    );
    assert_eq!(
        told("reverse = true"),
        ["line 7: reverse in [tables.a] must be a text in quotes, not true or false"]
    );
    assert_eq!(
        told("reverse = { where = \"a = 1\" }"),
        ["line 7: reverse in [tables.a] says how, but not what to do; add a mode"]
    );
}

#[test]
fn bad_rules_are_told_with_their_line() {
    let told =
        |lines: &str| causes(&config(&format!("[tables.a.reverse]\nmode = \"off\"\n{lines}")));
    assert_eq!(
        told("where = \"a) or (b\""),
        ["line 4: where in [tables.a.reverse]: the expression has a ) without its opening \
          counterpart"]
    );
    assert_eq!(
        told("where = true"),
        ["line 4: where in [tables.a.reverse] must be a text in quotes, or false to switch it \
          off, not true or false"]
    );
    assert_eq!(
        told("lookback = 15"),
        ["line 4: lookback in [tables.a.reverse] has no unit; write a number with its unit, \
          like \"500ms\", \"10s\", \"15m\", \"2h\" or \"1d\""]
    );
    assert_eq!(
        told(
            "columns = { x = { skip = false },\n y = { from = \"a\", sql = \"b\" },\n z = {},\n\
              w = { form = \"a\" }, v = 5 }"
        ),
        [
            "line 4: skip in [tables.a.reverse.columns.x] can only be true; leave the rule out \
          instead",
            "line 5: [tables.a.reverse.columns.y] must hold one of skip, from, sql, value and \
          null, and only one",
            "line 6: [tables.a.reverse.columns.z] must hold one of skip, from, sql, value and \
          null, and only one",
            "line 7: unknown key \"form\" in [tables.a.reverse.columns.w]; did you mean \"from\"?",
            "line 7: v in [tables.a.reverse.columns] must be a text in quotes, not an integer"
        ]
    );
    assert_eq!(told("cursor = \"\""), ["line 4: cursor in [tables.a.reverse] must not be empty"]);
}

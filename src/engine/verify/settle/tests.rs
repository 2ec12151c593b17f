//! What is settled of rows that buckets could not tell apart, by value.

use super::*;

impl Findings for Vec<(Way, String)> {
    fn note(&mut self, way: Way, name: &str) {
        self.push((way, name.to_owned()));
    }
}

fn source(rows: &[(&str, &str)]) -> Vec<SourceRow> {
    let row = |&(name, hash): &(&str, &str)| SourceRow {
        name: name.into(),
        hash: hash.into(),
        came_back: name.starts_with('b'),
        place: 1,
    };
    rows.iter().map(row).collect()
}

/// A hash that begins with `p` belongs to a protected row.
fn target(rows: &[(&str, &str)]) -> Vec<TargetRow> {
    let row = |&(name, hash): &(&str, &str)| TargetRow {
        name: name.into(),
        hash: hash.trim_start_matches('p').into(),
        protected: hash.starts_with('p'),
    };
    rows.iter().map(row).collect()
}

fn rules<'a>(
    mode: Mode,
    on_duplicate: &'a OnDuplicate,
    rejects: &'a HashMap<String, u64>,
) -> Rules<'a> {
    Rules { mode, on_duplicate, origin_is_known: true, rejects }
}

fn found(mode: Mode, from: &[(&str, &str)], to: &[(&str, &str)]) -> Vec<(Way, String)> {
    let rejects = HashMap::from([("r".to_owned(), 1)]);
    let mut found = Vec::new();
    let (from, to) = (source(from), target(to));
    by_key(rules(mode, &OnDuplicate::Reject, &rejects), &from, &to, &mut found);
    found
}

fn ways(ways: &[(Way, &str)]) -> Vec<(Way, String)> {
    ways.iter().map(|(way, name)| (*way, (*name).to_owned())).collect()
}

#[test]
fn insert_missing_answers_for_keys_alone() {
    let from = [("1", "x"), ("2", "x"), ("2", "y"), ("r", "x")];
    assert_eq!(
        found(Mode::InsertMissing, &from, &[("1", "other"), ("9", "x")]),
        ways(&[(Way::Missing, "2"), (Way::Missing, "2"), (Way::Rejected, "r")])
    );
}

#[test]
fn an_upsert_answers_for_values_too() {
    let from = [("1", "x"), ("2", "x"), ("3", "x"), ("r", "x")];
    let to = [("1", "x"), ("2", "y"), ("4", "x"), ("r", "y")];
    assert_eq!(
        found(Mode::Upsert, &from, &to),
        ways(&[
            (Way::Different, "2"),
            (Way::Missing, "3"),
            (Way::Extra, "4"),
            (Way::Rejected, "r")
        ])
    );
}

#[test]
fn a_key_on_two_rows_of_the_target_is_there_once_too_often() {
    let twice = |hashes: [&str; 2]| found(Mode::Upsert, &[("1", "x")], &hashes.map(|h| ("1", h)));
    assert_eq!(twice(["x", "x"]), ways(&[(Way::Extra, "1")]));
    assert_eq!(twice(["x", "y"]), ways(&[(Way::Extra, "1")]));
    assert_eq!(twice(["y", "z"]), ways(&[(Way::Extra, "1"), (Way::Different, "1")]));
    // The one that is not ours stands for the key.
    assert_eq!(twice(["px", "x"]), ways(&[(Way::Extra, "1")]));
}

#[test]
fn a_key_on_two_rows_of_the_source_is_not_carried() {
    let twice = [("1", "x"), ("1", "y")];
    assert_eq!(found(Mode::Upsert, &twice, &[]), ways(&[(Way::Missing, "1")]));
    assert_eq!(found(Mode::Upsert, &twice, &[("1", "x")]), ways(&[(Way::Different, "1")]));
    let twice = [("r", "x"), ("r", "y")];
    assert_eq!(found(Mode::Upsert, &twice, &[]), ways(&[(Way::Rejected, "r")]));
}

#[test]
fn of_two_rows_the_latest_is_carried() {
    let latest = OnDuplicate::Latest(crate::ident::Ident::new("at").unwrap());
    let none = HashMap::new();
    let mut from = source(&[("1", "x"), ("1", "y")]);
    from[1].place = 2;
    let against = |hash: &str| {
        let mut found: Vec<(Way, String)> = Vec::new();
        by_key(rules(Mode::Upsert, &latest, &none), &from, &target(&[("1", hash)]), &mut found);
        found
    };
    assert_eq!(against("x"), ways(&[]));
    assert_eq!(against("y"), ways(&[(Way::Different, "1")]));
}

#[test]
fn the_targets_own_rows_keep_their_values() {
    // b: it came from the target.
    assert_eq!(found(Mode::Upsert, &[("b", "x")], &[("b", "py")]), ways(&[]));
    assert_eq!(found(Mode::Upsert, &[("b", "x")], &[]), ways(&[]));
    assert_eq!(found(Mode::Upsert, &[("b", "x")], &[("b", "y")]), ways(&[(Way::Different, "b")]));
    // Two people have taken the same number.
    assert_eq!(found(Mode::Upsert, &[("1", "x")], &[("1", "py")]), ways(&[(Way::Different, "1")]));
    assert_eq!(found(Mode::Upsert, &[("1", "x")], &[("1", "px")]), ways(&[]));
    assert_eq!(found(Mode::Upsert, &[], &[("1", "px")]), ways(&[]));
}

#[test]
fn a_mirror_answers_for_copies() {
    let rejects = HashMap::from([("r".to_owned(), 1)]);
    let rules = rules(Mode::Mirror, &OnDuplicate::Reject, &rejects);
    let mut unequal = Unequal::default();
    let mut found: Vec<(Way, String)> = Vec::new();
    unequal.add(
        source(&[("1", "x"), ("1", "x"), ("2", "x"), ("3", "y"), ("r", "z")]),
        target(&[("1", "x"), ("1", "x"), ("1", "x"), ("4", "y"), ("4", "v")]),
    );
    unequal.settle(rules, Place::Middle, &mut found);
    assert_eq!(found, ways(&[]));
    // A row that was changed lies in two buckets.
    unequal.add(source(&[("4", "w")]), target(&[]));
    unequal.settle(rules, Place::Last, &mut found);
    assert_eq!(found, ways(&[(Way::Different, "4"), (Way::Rejected, "r")]));
}

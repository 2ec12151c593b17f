//! Tests of `mapping`, by value.

use super::*;

pub(crate) fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

/// A pair with one integer and one text key column and all extras.
pub(crate) fn mapping() -> Mapping {
    let public = |table: &str| TableName { schema: ident("public"), table: ident(table) };
    Mapping {
        source: public("reminder"),
        target: public("mbreminder"),
        scope: None,
        owned: None,
        protected: None,
        came_back: None,
        key: vec![KeyColumn {
            source: "\"rem_id\"".to_owned(),
            source_type: "numeric".to_owned(),
            target: ident("rem_id"),
            staged_type: "numeric".to_owned(),
            form: Form::Numeric,
        }],
        columns: vec![
            column("rem_id", "\"rem_id\"", Form::Numeric),
            column("title", "(upper(remtitle))", Form::Text),
        ],
        format: Format::Text,
        existence: Existence::InTable,
        uniqueness: Uniqueness::Unguarded,
        comparison: Comparison::Keys,
        taking_part: TakingPart::Everything,
        branch: Branch::default(),
    }
}

pub(crate) fn column(name: &str, source: &str, form: Form) -> Column {
    Column {
        target: ident(name),
        source: source.to_owned(),
        compared: source.to_owned(),
        form,
        update: Update::Allowed,
    }
}

/// The same with a second, textual, key column.
pub(crate) fn composite() -> Mapping {
    let mut mapping = mapping();
    mapping.key.push(KeyColumn {
        source: "\"lang\"".to_owned(),
        source_type: "text".to_owned(),
        target: ident("lang"),
        staged_type: "character varying".to_owned(),
        form: Form::Text,
    });
    mapping
}

#[test]
fn a_composite_key_is_hashed_in_a_chain() {
    assert_eq!(
        composite().key_hash(View::Source),
        "hashtextextended((\"lang\")::text collate \"C\", \
         hash_numeric_extended((\"rem_id\")::numeric, 0))"
    );
}

#[test]
fn every_column_of_a_row_hash_has_its_own_seed() {
    assert_eq!(
        mapping().row_hash(View::Target("t")),
        "(coalesce(hash_numeric_extended((t.\"rem_id\")::numeric, 1), 0) # \
         coalesce(hashtextextended((t.\"title\")::text collate \"C\", 2), 0))"
    );
}

#[test]
fn neighbouring_numbers_share_a_bucket() {
    let mut mapping = composite();
    assert_eq!(mapping.bucket_hash(View::Source), mapping.key_hash(View::Source));
    mapping.key.reverse();
    mapping.key[1].form = Form::Integer;
    assert_eq!(
        mapping.bucket_hash(View::Target("t")),
        "hashint8extended(((t.\"rem_id\")::bigint >> 6)::bigint, \
         hashtextextended((t.\"lang\")::text collate \"C\", 0))"
    );
}

#[test]
fn a_key_has_one_text_on_both_sides() {
    assert_eq!(
        composite().key_text(View::Staged("k")),
        "json_build_array(trim_scale((k.k1)::numeric)::text, (k.k2)::text)::text"
    );
}

#[test]
fn keys_meet_column_by_column() {
    assert_eq!(
        composite().same_key(View::Target("t"), View::Staged("k")),
        "t.\"rem_id\" = k.k1 and t.\"lang\" = k.k2"
    );
    assert_eq!(
        composite().key_is_complete(View::Source),
        "\"rem_id\" is not null and \"lang\" is not null"
    );
}

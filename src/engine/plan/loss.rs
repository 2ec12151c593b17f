//! Which values a type cannot keep whole, although it takes them. Pure.
//!
//! A column's type refuses most values that are not its own, but some it
//! rounds or cuts without a word: 1.5 becomes 2 in `numeric(5,0)`, half a
//! second is gone in `timestamp(0)`, blanks at the end in `varchar(5)`. Such a
//! value is marked on the source, so that the target's type refuses it like
//! any other that does not fit, and the row can be named.
//!
//! A text that the target reads as a number or a time is not looked into.

use crate::db::catalog::Column;

/// What becomes of a column's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Every value is kept or refused.
    Nothing,
    /// Some values would be altered: read them by this expression instead,
    /// which marks those.
    OfSome(String),
    /// A part of nearly every value would go.
    OfMost,
}

const INTEGERS: [&str; 3] = ["int2", "int4", "int8"];
const EXACT: [&str; 4] = ["int2", "int4", "int8", "numeric"];
const NUMBERS: [&str; 6] = ["int2", "int4", "int8", "numeric", "float4", "float8"];
const STAMPS: [&str; 2] = ["timestamp", "timestamptz"];

/// What becomes of the values of `from`, spelled `value` in SQL, in `to`.
#[must_use]
pub fn loss(value: &str, from: &Column, to: &Column) -> Loss {
    let (Some(source), Some(target)) = (from.plain_builtin.as_deref(), to.plain_builtin.as_deref())
    else {
        return Loss::Nothing;
    };
    if from.plain_type == to.plain_type {
        return Loss::Nothing;
    }
    if loses_most(source, target) {
        return Loss::OfMost;
    }
    match altered(value, (source, &from.plain_type), (target, &to.plain_type)) {
        None => Loss::Nothing,
        Some(condition) => Loss::OfSome(format!(
            "case when {condition} then {value}::text || ' (would be cut)' else {value}::text end"
        )),
    }
}

fn loses_most(source: &str, target: &str) -> bool {
    match target {
        "date" | "timetz" => STAMPS.contains(&source),
        "time" => STAMPS.contains(&source) || source == "timetz",
        // 63 bytes, and one.
        "name" | "char" => source != target,
        _ => false,
    }
}

/// A condition that holds for the values that would be altered. A type is
/// given by its name and by its spelling with length and scale.
fn altered(value: &str, source: (&str, &str), target: (&str, &str)) -> Option<String> {
    let is = |types: &[&str]| types.contains(&source.0);
    match target.0 {
        "numeric" if is(&NUMBERS) => rounded(value, source, scale(target.1)?),
        "money" if is(&NUMBERS) => rounded(value, source, 2),
        "float8" if is(&["int8", "numeric"]) => Some(inexact(value, "float8")),
        "float4" if is(&["int4", "int8", "numeric", "float8"]) => Some(inexact(value, "float4")),
        "varchar" | "bpchar" if is(&["text", "varchar", "name"]) => {
            longer(value, first_number(source.1), first_number(target.1)?)
        }
        "timestamp" | "timestamptz" if is(&STAMPS) => cut_short(value, target),
        "time" | "timetz" if is(&["time", "timetz"]) => cut_short(value, target),
        "interval" if is(&["interval", "time"]) => cut_short(value, target),
        _ => None,
    }
}

fn rounded(value: &str, source: (&str, &str), scale: i32) -> Option<String> {
    let fits = |digits: i32| digits <= scale;
    if INTEGERS.contains(&source.0) && fits(0) || self::scale(source.1).is_some_and(fits) {
        return None;
    }
    let number = number(value, source.0);
    Some(format!("{number} <> round({number}, {scale})"))
}

/// `float8::numeric` keeps 15 digits only; its text keeps all of them.
fn number(value: &str, source: &str) -> String {
    let text = if EXACT.contains(&source) { "" } else { "::text" };
    format!("{value}{text}::numeric")
}

fn inexact(value: &str, float: &str) -> String {
    format!("{value}::text::numeric <> {value}::{float}::text::numeric")
}

/// A text that is too long is refused, unless blanks are all that is cut.
fn longer(value: &str, source: Option<i32>, target: i32) -> Option<String> {
    let fits = source.is_some_and(|length| length <= target);
    (!fits).then(|| format!("char_length({value}) > {target}"))
}

fn cut_short(value: &str, (name, spelled): (&str, &str)) -> Option<String> {
    let whole = format!("{value}::{name}");
    (spelled.contains('(') || spelled.starts_with("interval "))
        .then(|| format!("{whole} <> {whole}::{spelled}"))
}

/// The scale in `numeric(7,2)`; `None` for plain `numeric`.
fn scale(spelled: &str) -> Option<i32> {
    let (_, arguments) = spelled.strip_suffix(')')?.split_once("numeric(")?;
    arguments.split(',').nth(1)?.parse().ok()
}

/// The length in `character varying(5)`.
fn first_number(spelled: &str) -> Option<i32> {
    spelled.strip_suffix(')')?.split_once('(')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(builtin: &str, spelled: &str) -> Column {
        Column {
            name: "v".to_owned(),
            type_name: spelled.to_owned(),
            base_type: spelled.to_owned(),
            builtin: Some(builtin.to_owned()),
            plain_type: spelled.to_owned(),
            plain_builtin: Some(builtin.to_owned()),
            not_null: false,
            has_default: false,
            generated: false,
            identity: false,
            sequence: None,
        }
    }

    fn between(from: (&str, &str), to: (&str, &str)) -> Loss {
        loss("\"v\"", &column(from.0, from.1), &column(to.0, to.1))
    }

    fn condition(from: (&str, &str), to: (&str, &str)) -> String {
        let Loss::OfSome(marked) = between(from, to) else { return String::new() };
        let (_, rest) = marked.split_once("case when ").unwrap();
        rest.split_once(" then ").unwrap().0.to_owned()
    }

    #[test]
    fn a_value_that_would_be_altered_is_marked() {
        assert_eq!(
            between(("numeric", "numeric"), ("numeric", "numeric(5,0)")),
            Loss::OfSome(
                "case when \"v\"::numeric <> round(\"v\"::numeric, 0) \
                 then \"v\"::text || ' (would be cut)' else \"v\"::text end"
                    .to_owned()
            )
        );
        assert_eq!(
            condition(("float8", "double precision"), ("numeric", "numeric(9,3)")),
            "\"v\"::text::numeric <> round(\"v\"::text::numeric, 3)"
        );
        assert_eq!(
            condition(("int8", "bigint"), ("float8", "double precision")),
            "\"v\"::text::numeric <> \"v\"::float8::text::numeric"
        );
        assert_eq!(
            condition(("text", "text"), ("varchar", "character varying(5)")),
            "char_length(\"v\") > 5"
        );
        assert_eq!(
            condition(
                ("timestamptz", "timestamp with time zone"),
                ("timestamp", "timestamp(0) without time zone")
            ),
            "\"v\"::timestamp <> \"v\"::timestamp::timestamp(0) without time zone"
        );
    }

    #[test]
    fn a_type_that_keeps_every_value_costs_nothing() {
        for (from, to) in [
            (("numeric", "numeric(7,2)"), ("numeric", "numeric(9,2)")),
            (("numeric", "numeric(7,2)"), ("numeric", "numeric")),
            (("int4", "integer"), ("numeric", "numeric(7,0)")),
            (("varchar", "character varying(3)"), ("varchar", "character varying(5)")),
            (
                ("timestamptz", "timestamp with time zone"),
                ("timestamp", "timestamp without time zone"),
            ),
            (("text", "text"), ("varchar", "character varying")),
            (("text", "text"), ("numeric", "numeric(5,2)")),
            (("bpchar", "character(5)"), ("varchar", "character varying(3)")),
        ] {
            assert_eq!(between(from, to), Loss::Nothing, "{from:?} {to:?}");
        }
    }

    #[test]
    fn a_part_of_a_stamp_is_no_choice_of_ours() {
        let stamp = ("timestamptz", "timestamp with time zone");
        assert_eq!(between(stamp, ("date", "date")), Loss::OfMost);
        assert_eq!(between(("text", "text"), ("name", "name")), Loss::OfMost);
        assert_eq!(between(("date", "date"), ("timestamp", "timestamp(0)")), Loss::Nothing);
    }
}

//! Spans of time as people write them: `500ms`, `10s`, `15m`, `2h`, `1d`, `0`.
//!
//! It knows texts and durations, and not what they are used for.

use std::time::Duration;

/// What a span of time has to look like.
pub(super) const SHAPE: &str =
    "a number with its unit, like \"500ms\", \"10s\", \"15m\", \"2h\" or \"1d\"";

/// The longest span that is taken: a hundred years, far from every overflow.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Reads a whole number with its unit. Only nothing at all needs no unit.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" if number == 0 => 0,
        _ => return None,
    };
    let span = Duration::from_millis(number.checked_mul(milliseconds)?);
    (span <= LONGEST).then_some(span)
}

/// The same, written: in the largest unit that leaves no rest.
pub(super) fn spell(span: Duration) -> String {
    let milliseconds = span.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let fits =
        |(size, _): &(u128, &str)| milliseconds >= *size && milliseconds.is_multiple_of(*size);
    match units.into_iter().find(fits) {
        Some((size, unit)) => format!("{}{unit}", milliseconds / size),
        None => format!("{milliseconds}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_with_units_are_read() {
        let read = |text| parse(text).map(|span| span.as_millis());
        assert_eq!(read("500ms"), Some(500));
        assert_eq!(read("10s"), Some(10_000));
        assert_eq!(read("15m"), Some(900_000));
        assert_eq!(read("2h"), Some(7_200_000));
        assert_eq!(read("1d"), Some(86_400_000));
        assert_eq!(read("0"), Some(0));
        assert_eq!(read("0s"), Some(0));
    }

    #[test]
    fn what_is_spelled_is_read_again() {
        for text in ["500ms", "10s", "90s", "15m", "90m", "2h", "1d", "0ms"] {
            assert_eq!(parse(text).map(spell).as_deref(), Some(text));
        }
        assert_eq!(spell(Duration::from_secs(7_200)), "2h");
    }

    #[test]
    fn everything_else_is_refused() {
        for text in ["", "10", "s", "10 s", "-1s", "+1s", "1.5s", "1S", "10sec", "1w", " 1s"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        for text in ["18446744073709551615d", "99999999999999999999s", "40000d", "\u{0663}s"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}

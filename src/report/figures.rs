//! Numbers as people read them.

use std::time::Duration;

/// `24,562`
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `2 rows`
#[must_use]
pub fn of(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {one}s", count(number)) }
}

/// `16 kB`, `4.1 MB`
#[must_use]
pub fn bytes(number: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", number / unit, number % unit * 10 / unit);
    match number {
        0..1_024 => format!("{number} bytes"),
        1_024..1_048_576 => format!("{} kB", number / 1_024),
        1_048_576..1_073_741_824 => format!("{} MB", tenths(1_048_576)),
        _ => format!("{} GB", tenths(1_073_741_824)),
    }
}

/// `0.25 s`
#[must_use]
pub fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// For programs: seconds, to the thousandth.
#[must_use]
pub fn thousandths(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// `12 s`, `5 min`, `3 h 20 min`, `4 d 1 h`
#[must_use]
pub fn age(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        ..0 => "in the future".to_owned(),
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min"),
        3_600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_easy_to_read() {
        assert_eq!(
            [0, 999, 1000, 24_562, 1_000_000].map(count),
            ["0", "999", "1,000", "24,562", "1,000,000"]
        );
        assert_eq!([1, 2].map(|number| of(number, "row")), ["1 row", "2 rows"]);
        assert_eq!(
            [-5, 59, 60, 12_000, 400_000].map(age),
            ["in the future", "59 s", "1 min", "3 h 20 min", "4 d 15 h"]
        );
        assert_eq!(
            [512, 16_384, 4_299_162, 3_221_225_472].map(bytes),
            ["512 bytes", "16 kB", "4.1 MB", "3.0 GB"]
        );
        assert_eq!(seconds(Duration::from_millis(1_234)), "1.23 s");
    }
}

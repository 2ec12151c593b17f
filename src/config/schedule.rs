//! `[schedule]`: when the machine runs what by itself.
//!
//! Times are the machine's own local time. It does not know who keeps them.

use super::duration;
use super::section::Section;
use std::fmt;
use std::str::FromStr;

/// When each of the three runs begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// From the cloud to the desktop.
    pub reverse: Times,
    /// What is new on the desktop, to the cloud.
    pub incremental: Times,
    /// Desktop and cloud compared in full.
    pub full: Times,
}

/// When one of them begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Times {
    /// Never by itself.
    Off,
    /// All day long, from midnight on, every so many minutes. They divide a day.
    Every(u16),
    /// Every day at these times, in their order.
    At(Vec<TimeOfDay>),
}

/// A minute of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

/// How many minutes a day has.
const DAY: u16 = 24 * 60;

const SHAPE: &str = "must be \"every 1h\", a time like \"02:00\", a list of times like \
                     [\"09:30\", \"16:30\"], or \"off\"";

impl Times {
    /// The minutes of the day at which a run begins.
    #[must_use]
    pub fn minutes(&self) -> Vec<u16> {
        match self {
            Self::Off => Vec::new(),
            Self::Every(minutes) => (0..DAY).step_by(usize::from(*minutes).max(1)).collect(),
            Self::At(times) => times.iter().map(|time| time.0).collect(),
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Every(minutes) if minutes % 60 == 0 => write!(f, "every {}h", minutes / 60),
            Self::Every(minutes) => write!(f, "every {minutes}m"),
            Self::At(times) => {
                let times: Vec<String> = times.iter().map(ToString::to_string).collect();
                write!(f, "at {}", times.join(", "))
            }
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A text that is no time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoTime;

impl FromStr for TimeOfDay {
    type Err = NoTime;

    /// `09:30`, two digits each.
    fn from_str(text: &str) -> Result<Self, NoTime> {
        let (hour, minute) = text.split_once(':').ok_or(NoTime)?;
        let part = |text: &str, end: u16| {
            let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number: &u16| is_number && *number < end).ok_or(NoTime)
        };
        Ok(Self(part(hour, 24)? * 60 + part(minute, 60)?))
    }
}

/// Reads `[schedule]`.
pub(super) fn schedule(file: &Section<'_>) -> Schedule {
    let section = file.section("schedule", &["reverse", "incremental", "full"]);
    let times =
        |key, usual| section.as_ref().and_then(|section| times(section, key)).unwrap_or(usual);
    let at = |hours: &[u16]| Times::At(hours.iter().map(|minute| TimeOfDay(*minute)).collect());
    Schedule {
        reverse: times("reverse", Times::Every(60)),
        incremental: times("incremental", at(&[9 * 60 + 30, 12 * 60 + 30, 16 * 60 + 30])),
        full: times("full", at(&[2 * 60])),
    }
}

fn times(section: &Section<'_>, key: &str) -> Option<Times> {
    let texts = section.texts(key)?;
    let words: Vec<&str> = texts.iter().map(|text| text.value.trim()).collect();
    match words.as_slice() {
        ["off"] => return Some(Times::Off),
        [word] if word.starts_with("every ") => return every(section, key, word),
        _ => {}
    }
    let times: Result<Vec<TimeOfDay>, NoTime> = words.into_iter().map(str::parse).collect();
    let Some(mut times) = times.ok().filter(|times| !times.is_empty()) else {
        section.mistake(key, SHAPE);
        return None;
    };
    times.sort_unstable();
    times.dedup();
    Some(Times::At(times))
}

/// Only what divides a day begins at the same times every day.
fn every(section: &Section<'_>, key: &str, word: &str) -> Option<Times> {
    let span = word.strip_prefix("every ").and_then(|span| duration::parse(span.trim()));
    let minutes = span.filter(|span| span.subsec_nanos() == 0 && span.as_secs() % 60 == 0);
    let minutes = minutes.and_then(|span| u16::try_from(span.as_secs() / 60).ok());
    let divides = |minutes: &u16| *minutes > 0 && DAY.is_multiple_of(*minutes);
    let found = minutes.filter(divides).map(Times::Every);
    if found.is_none() {
        section.mistake(
            key,
            "must be every so many minutes or hours that divide a day, like \"every 15m\" or \
             \"every 2h\"",
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::testing::{causes, config, read};
    use super::*;

    fn schedule(lines: &str) -> Schedule {
        read(&config(&format!("[schedule]\n{lines}"))).unwrap().schedule
    }

    fn said(lines: &str) -> String {
        let Schedule { reverse, incremental, full } = schedule(lines);
        format!("{reverse} | {incremental} | {full}")
    }

    #[test]
    fn there_is_a_schedule_without_a_word() {
        let usual = "every 1h | at 09:30, 12:30, 16:30 | at 02:00";
        assert_eq!(said(""), usual);
        let same = "reverse = \"every 1h\"\nincremental = [\"09:30\", \"12:30\", \"16:30\"]\n\
                    full = \"02:00\"";
        assert_eq!(said(same), usual);
        assert_eq!(read(&config("")).unwrap().schedule, schedule(same));
    }

    #[test]
    fn times_are_read_and_put_in_order() {
        assert_eq!(
            said("reverse = \"every 90m\"\nincremental = [\"16:30\", \"00:00\", \"16:30\"]"),
            "every 90m | at 00:00, 16:30 | at 02:00"
        );
        assert_eq!(
            said("reverse = [\"off\"]\nincremental = \"off\"\nfull = \"every 1d\""),
            "off | off | every 24h"
        );
        assert_eq!(schedule("full = \"every 6h\"").full.minutes(), [0, 360, 720, 1080]);
        assert_eq!(schedule("full = [\"23:59\"]").full.minutes(), [1439]);
        assert_eq!(schedule("full = \"off\"").full.minutes(), [0; 0]);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in ["24:00", "9:30", "09:60", "0930", "+9:30", "09:30 pm", "", "each 1h", "OFF"] {
            assert_eq!(
                causes(&config(&format!("[schedule]\nfull = \"{bad}\""))),
                [format!("line 3: full in [schedule] {SHAPE}")],
                "{bad}"
            );
        }
        for bad in ["7m", "0", "90s", "5h", "2d", "1h30m", "500ms", "x", ""] {
            assert_eq!(
                causes(&config(&format!("[schedule]\nreverse = \"every {bad}\""))).len(),
                1,
                "{bad}"
            );
        }
        assert_eq!(
            causes(&config(
                "[schedule]\nreverse = []\nincremental = [\"off\", \"09:30\"]\nfull = 2"
            )),
            [
                format!("line 3: reverse in [schedule] {SHAPE}"),
                format!("line 4: incremental in [schedule] {SHAPE}"),
                "line 5: full in [schedule] must be a text or a list of texts, not an integer"
                    .to_owned()
            ]
        );
        assert_eq!(
            causes(&config("[schedule]\nreverse = [2]\nhourly = \"x\"")),
            [
                "line 3: reverse in [schedule] lists an integer, not a text",
                "line 4: unknown key \"hourly\" in [schedule]; known are reverse, incremental and \
                 full"
            ]
        );
    }
}

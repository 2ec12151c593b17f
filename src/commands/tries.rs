//! How often the same work is tried again, and after which pauses.

use crate::config::Retry;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

/// No pause is longer than about this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The attempts at one piece of work.
#[derive(Debug)]
pub struct Tries {
    retry: Retry,
    made: u64,
    /// When the first of them failed.
    since: Option<Instant>,
    progress: u64,
}

/// A further attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    pub attempt: u64,
    pub of: u64,
    pub pause: Duration,
}

impl Tries {
    #[must_use]
    pub fn new(retry: Retry) -> Self {
        Self { retry, made: 0, since: None, progress: 0 }
    }

    /// Notes that an attempt has failed; the next one, if there may be one.
    ///
    /// `progress` is how far the work has come. Where it has come further, it
    /// is other work that failed now, and the count begins anew: a long first
    /// load over a bad line ends some time.
    pub fn failed(&mut self, progress: u64) -> Option<Again> {
        if progress > self.progress {
            *self = Self { progress, ..Self::new(self.retry) };
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        self.made += 1;
        let pause = jittered(pause(self.retry.first_pause, self.made), random());
        let in_time = since.elapsed() + pause <= self.retry.max_total;
        (self.made < self.retry.attempts && in_time).then(|| Again {
            attempt: self.made + 1,
            of: self.retry.attempts,
            pause,
        })
    }
}

fn pause(first: Duration, made: u64) -> Duration {
    let doublings = u32::try_from(made.saturating_sub(1)).unwrap_or(u32::MAX);
    let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(LONGEST_PAUSE.max(first))
}

/// Between half and one and a half of it, so that machines that lost the same
/// server do not come back to it all at once.
fn jittered(pause: Duration, random: u64) -> Duration {
    let thousandths = 500 + u32::try_from(random % 1_000).unwrap_or(0);
    pause.saturating_mul(thousandths) / 1_000
}

/// Every new state of the standard library's hasher is seeded anew.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Retry = Retry {
        attempts: 3,
        first_pause: Duration::from_secs(1),
        max_total: Duration::from_secs(300),
    };

    #[test]
    fn pauses_grow_and_differ() {
        let seconds = |made| pause(RETRY.first_pause, made).as_secs();
        assert_eq!([1, 2, 3, 4, 5, 6, 70].map(seconds), [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pause(Duration::from_secs(60), 3), Duration::from_secs(60));
        let halves = |random| jittered(Duration::from_secs(2), random).as_millis();
        assert_eq!([0, 500, 999, 1_000].map(halves), [1_000, 2_000, 2_998, 1_000]);
    }

    #[test]
    fn attempts_are_counted_until_something_was_done() {
        let mut tries = Tries::new(RETRY);
        let attempt = |again: Option<Again>| again.map(|again| (again.attempt, again.of));
        assert_eq!(attempt(tries.failed(0)), Some((2, 3)));
        assert_eq!(attempt(tries.failed(0)), Some((3, 3)));
        assert_eq!(attempt(tries.failed(7)), Some((2, 3)));
        assert_eq!(attempt(tries.failed(7)), Some((3, 3)));
        assert_eq!(attempt(tries.failed(7)), None);
    }

    #[test]
    fn the_time_is_limited_too() {
        let none = Retry { max_total: Duration::ZERO, ..RETRY };
        assert_eq!(Tries::new(none).failed(0), None);
        let once = Retry { attempts: 1, ..RETRY };
        assert_eq!(Tries::new(once).failed(0), None);
    }
}

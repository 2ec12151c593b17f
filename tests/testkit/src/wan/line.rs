//! When bytes that are sent now arrive at the other end, and waiting until then.
//! It must not know who sends what to whom.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Delay;

/// tokio's timers wake on the next full millisecond after the time they are given.
const TICK: Duration = Duration::from_millis(1);

/// One direction of the network.
pub struct Line {
    delay: Delay,
    /// When the line has carried all that was given to it.
    free_at: Mutex<Instant>,
}

impl Line {
    pub fn new(delay: Delay) -> Line {
        Line { delay, free_at: Mutex::new(Instant::now()) }
    }

    /// When so many bytes arrive that are sent now.
    pub fn arrival(&self, bytes: usize) -> Instant {
        let now = Instant::now();
        let Some(mbit) = self.delay.mbit else { return now + self.delay.one_way };
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        *free_at = free_at.max(now) + carrying(bytes, mbit);
        *free_at + self.delay.one_way
    }
}

/// How long a line of this width is busy with so many bytes.
fn carrying(bytes: usize, mbit: f64) -> Duration {
    let bits = f64::from(u32::try_from(bytes).expect("one read is small")) * 8.0;
    Duration::from_secs_f64(bits / (mbit * 1e6))
}

/// Waits until then, exactly: a timer for most of it, and a sleeping thread for the last piece.
pub async fn until(due: Instant) {
    let mut left = due.saturating_duration_since(Instant::now());
    if left > TICK {
        tokio::time::sleep(left.saturating_sub(TICK)).await;
        left = due.saturating_duration_since(Instant::now());
    }
    if !left.is_zero() {
        // Another thread, because this one has other connections to serve.
        let _ = tokio::task::spawn_blocking(move || thread::sleep(left)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thin_line_is_busy_for_a_while() {
        let line = Line::new(Delay { one_way: Duration::ZERO, mbit: Some(8.0) });
        let began = Instant::now();
        line.arrival(500_000);
        let both = line.arrival(500_000) - began;
        assert!(both >= Duration::from_secs(1) && both < Duration::from_millis(1100), "{both:?}");
    }

    #[tokio::test]
    async fn waiting_is_exact() {
        for micros in [300, 1_000, 1_700, 20_300] {
            let due = Instant::now() + Duration::from_micros(micros);
            until(due).await;
            let late = Instant::now().checked_duration_since(due).expect("too early");
            assert!(late < Duration::from_millis(20), "{late:?}");
        }
    }
}

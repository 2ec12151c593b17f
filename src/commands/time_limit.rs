//! How long a run may take: `max_run_time`.
//!
//! The Task Scheduler can only kill, and then it kills the batch file and may
//! leave the program at work. So the program keeps the time itself.

use crate::config::spell_duration;
use crate::engine::stop::Stopper;
use crate::report::Report;
use std::time::Duration;

/// How long an end in order may take. A first Ctrl-C needs some seconds.
pub const GRACE: Duration = Duration::from_secs(60);

/// Asks for a stop when the time is over; returns when even that takes too
/// long. Without a limit it never returns.
pub async fn over(limit: Option<Duration>, stopper: &Stopper, report: &Report) {
    let Some(limit) = limit else { return std::future::pending().await };
    tokio::time::sleep(limit).await;
    report.note(format_args!(
        "max_run_time of {} is over: ending in order; the next run goes on from there",
        spell_duration(limit)
    ));
    stopper.ask();
    tokio::time::sleep(GRACE).await;
    report.note(format_args!("it does not end within {}: stopping at once", spell_duration(GRACE)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use crate::engine::stop::stop;
    use clap::Parser as _;

    fn report() -> Report {
        Report::new(&Cli::try_parse_from(["pgsync", "reverse"]).unwrap().output)
    }

    #[tokio::test]
    async fn without_a_limit_nobody_is_stopped() {
        let (stopper, stop) = stop();
        let report = report();
        let unlimited = over(None, &stopper, &report);
        let waited = tokio::time::timeout(Duration::from_millis(20), unlimited).await;
        assert!(waited.is_err() && !stop.is_asked());
    }

    #[tokio::test]
    async fn the_stop_is_asked_for_before_the_end_is_forced() {
        let (stopper, stop) = stop();
        let report = report();
        tokio::select! {
            () = over(Some(Duration::from_millis(20)), &stopper, &report) => panic!("too early"),
            () = stop.asked() => {}
        }
    }
}

//! The last runs, and who is at work now.

use super::verdict::Found;
use crate::metadata::Direction;
use crate::metadata::lock::Holder;
use crate::metadata::runs::PastRun;
use crate::report::Report;
use crate::report::figures::{count, seconds};
use serde_json::json;
use std::time::Duration;

/// The last runs of both directions, the newest first.
pub(super) fn runs(report: &Report, found: &Found<'_>) {
    let mut runs: Vec<&PastRun> =
        found.standings.iter().flat_map(|standing| &standing.runs).collect();
    if runs.is_empty() {
        return;
    }
    runs.sort_by(|one, other| (&other.started, &other.run).cmp(&(&one.started, &one.run)));
    report.line("\nlast runs");
    let figures = ["inserted", "updated", "deleted", "rejected"].map(str::to_owned);
    report.line(columns("started (UTC)", "direction", "result", &figures, "time", "run"));
    for run in runs {
        let result = result(run, found.holders);
        let figures = [run.inserted, run.updated, run.deleted, run.rejected].map(count);
        let time = run.seconds.map_or("-".to_owned(), |time| seconds(duration(time)));
        let word = run.direction.word();
        report.line(columns(&run.started, word, result, &figures, &time, &run.run));
        report.data(&json!({
            "message_type": "run",
            "run": run.run,
            "direction": word,
            "started": run.started,
            "finished": run.finished,
            "seconds": run.seconds,
            "result": result,
            "inserted": run.inserted,
            "updated": run.updated,
            "deleted": run.deleted,
            "rejected": run.rejected,
            "tables_failed": run.failed_tables,
        }));
    }
}

/// The server's clock may have gone back.
fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn columns(
    started: &str,
    direction: &str,
    result: &str,
    figures: &[String; 4],
    time: &str,
    run: &str,
) -> String {
    let figures: Vec<String> = figures.iter().map(|figure| format!(" {figure:>9}")).collect();
    let figures = figures.concat();
    format!("  {started:<20} {direction:<9}  {result:<11}{figures} {time:>9}  {run}")
}

/// A run that has not noted its end, and holds no lock, is gone.
pub(super) fn result<'a>(run: &'a PastRun, holders: &[(Direction, Holder)]) -> &'a str {
    let is_at_work = |(direction, holder): &(Direction, Holder)| {
        *direction == run.direction && holder.application.contains(&run.run)
    };
    match run.result.as_str() {
        "running" if holders.iter().any(is_at_work) => "at work",
        "running" => "broken off",
        other => other,
    }
}

/// Who holds a lock.
pub(super) fn at_work(report: &Report, holders: &[(Direction, Holder)]) {
    for (direction, holder) in holders {
        let word = direction.word();
        report.line(format_args!("\nat work now: {word}: {holder}"));
        report.data(&json!({
            "message_type": "lock",
            "direction": word,
            "application": holder.application,
            "since": holder.since,
            "from": holder.address,
            "pid": holder.pid,
        }));
    }
}

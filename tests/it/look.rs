//! Looking at both sides with the same eyes, and at runs that must go wrong.

use crate::office::{Office, Ran};
use pgsync_testkit::Db;
use std::time::{Duration, Instant};

/// The settings that decide how a value is spelled.
const EYES: &str = "set timezone = 'UTC'; set datestyle = 'ISO, MDY'; \
    set intervalstyle = 'postgres'; set extra_float_digits = 1; set bytea_output = 'hex'; \
    set lc_monetary = 'C';";

impl Office {
    /// An office whose tables are all brought from the cloud to the desktop.
    pub async fn inserting(cloud: &str, desktop: &str, tables: &str) -> Self {
        let defaults = "[defaults]\nreverse = \"insert-missing\"";
        Self::with(cloud, desktop, &format!("{defaults}\n[tables]\n{tables}")).await
    }

    /// What the cloud answers.
    pub async fn cloud(&self, question: &str) -> Vec<String> {
        self.pair.cloud.lines(&format!("{EYES} {question}")).await
    }

    /// What the desktop answers.
    pub async fn desktop(&self, question: &str) -> Vec<String> {
        self.pair.desktop.lines(&format!("{EYES} {question}")).await
    }

    /// What both sides answer, which must be the same.
    pub async fn both(&self, question: &str) -> Vec<String> {
        let (cloud, desktop) = tokio::join!(self.cloud(question), self.desktop(question));
        for (ours, theirs) in desktop.iter().zip(&cloud) {
            assert_eq!(ours, theirs, "desktop and cloud differ: {question}");
        }
        assert_eq!(cloud.len(), desktop.len(), "cloud and desktop differ: {question}");
        cloud
    }

    /// Brings `rows` rows of `table` to a desktop that has none, and nothing
    /// the second time; then both sides hold the same.
    pub async fn brings(&self, table: &str, rows: usize) -> Vec<String> {
        assert_eq!(self.pair.desktop.count(table).await, 0);
        self.reverse_twice().await;
        let held = self.both(&format!("select * from {table} as t order by 1, t::text")).await;
        assert_eq!(held.len(), rows, "{held:#?}");
        held
    }

    /// Runs `reverse`, which must refuse `table`: exit code 1, no row in, and
    /// the watermark where it was.
    pub async fn reverse_refuses(&self, table: &str) -> Ran {
        let ready = self.run(&["init-metadata"]).await;
        assert_eq!(ready.code, 0, "{ready}");
        let before = self.state_of(table).await;
        let ran = self.run(&["reverse"]).await;
        assert_eq!(ran.code, 1, "{ran}");
        assert_eq!(self.state_of(table).await, before, "{ran}");
        ran
    }

    /// Runs `reverse`, which must set aside these keys of `table` and no other,
    /// and bring the rest; the next run tries them again, and nothing else.
    pub async fn reverse_rejects(&self, table: &str, keys: &[&str]) -> Ran {
        let first = self.run(&["reverse"]).await;
        assert_eq!(first.code, 4, "{first}");
        let of_table = format!(
            "select key, attempts from pgsync.rejects where table_name = '{table}' order by key"
        );
        let tried = |times: i32| keys.iter().map(|key| format!("[\"{key}\"]|{times}")).collect();
        let (once, twice): (Vec<String>, Vec<String>) = (tried(1), tried(2));
        assert_eq!(self.desktop(&of_table).await, once, "{first}");
        let rows = format!("select *, xmin from {table} order by 1");
        let before = self.desktop(&rows).await;
        let second = self.run(&["reverse"]).await;
        assert_eq!((second.code, self.desktop(&rows).await), (4, before), "{second}");
        assert_eq!(self.desktop(&of_table).await, twice, "{second}");
        first
    }

    /// The desktop's rows, and how far the table has come.
    async fn state_of(&self, table: &str) -> (Vec<String>, Vec<String>) {
        let rows = format!("select * from {table} as t order by t.*::text");
        let watermark = format!(
            "select last_sync_timestamp, horizon from _reverse_sync_metadata \
             where table_name = '{table}'"
        );
        (self.desktop(&rows).await, self.desktop(&watermark).await)
    }
}

/// The text says all of it.
#[track_caller]
pub fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "does not say {part:?}:\n{text}");
    }
}

/// Waits until the question is answered with this text.
pub async fn until(db: &Db, question: &str, answer: &str) {
    let started = Instant::now();
    loop {
        let told = db.text(question).await;
        if told == answer {
            return;
        }
        let waited = started.elapsed();
        assert!(waited < Duration::from_secs(40), "still {told}, not {answer}: {question}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

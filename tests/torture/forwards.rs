//! When `forward` was under way, told in commits of the writers: whether it can
//! have read a row before one of them and written it after another.
//!
//! It knows nothing of rows.

/// A count of commits, as [`crate::shadow::Shadow::commits`] gives it.
type Moment = u64;

/// One attempt of one run.
#[derive(Debug)]
struct Attempt {
    pid: u32,
    begun: Moment,
    /// `None`: it is still under way.
    ended: Option<Moment>,
}

#[derive(Debug, Default)]
pub struct Forwards(Vec<Attempt>);

impl Forwards {
    pub fn begin(&mut self, pid: u32, now: Moment) {
        self.0.push(Attempt { pid, begun: now, ended: None });
    }

    pub fn end(&mut self, pid: u32, now: Moment) {
        let mut attempts = self.0.iter_mut().rev();
        if let Some(attempt) = attempts.find(|attempt| attempt.pid == pid) {
            attempt.ended.get_or_insert(now);
        }
    }

    /// What an attempt read is not written by the next one, which reads again.
    pub fn try_again(&mut self, pid: u32, now: Moment) {
        self.end(pid, now);
        self.begin(pid, now);
    }

    /// Whether an attempt began before the one commit and ended after the other.
    pub fn span(&self, first: Moment, second: Moment) -> bool {
        self.0.iter().any(|attempt| attempt.begun < first && attempt.ends_after(second))
    }

    /// Whether one was under way at any time between two commits.
    pub fn came_between(&self, first: Moment, second: Moment) -> bool {
        self.span(second, first)
    }
}

impl Attempt {
    fn ends_after(&self, commit: Moment) -> bool {
        self.ended.is_none_or(|ended| commit <= ended)
    }
}

//! What can go wrong, said so that the reader knows what to type next.
//!
//! An [`Error`] is one sentence (`could not <verb> <object>`), the causes
//! behind it, and a hint with the next command. Its [`Kind`] decides the exit
//! code, and this file is the only place that knows the codes. It must not
//! know what a database or a terminal is.

use std::fmt;

/// The exit codes of the program, one for each way a run can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Done, but at least one table failed; the others are committed.
    TableFailed = 1,
    /// Wrong usage or configuration; nothing was connected.
    Usage = 2,
    /// Could not start (connection, permissions, metadata); no row was written.
    NotStarted = 3,
    /// Done, but rows were rejected.
    Rejected = 4,
    /// Another run holds the lock.
    Locked = 5,
    /// Stopped by a safety limit.
    Safety = 6,
    /// The sides are out of date or different.
    Different = 7,
    /// Interrupted; what was committed stays.
    Interrupted = 130,
}

impl Exit {
    /// What the operating system is told.
    #[must_use]
    pub fn code(self) -> i32 {
        i32::from(self as u8)
    }

    /// The same for people and programs, in a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::TableFailed => "table failed",
            Self::Usage => "wrong usage",
            Self::NotStarted => "could not start",
            Self::Rejected => "rows rejected",
            Self::Locked => "locked",
            Self::Safety => "safety limit",
            Self::Different => "different",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Which family an error belongs to; it decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command line or the configuration is wrong.
    Usage,
    /// A connection, a permission or the metadata stands in the way.
    Start,
    /// Another run holds the lock.
    Locked,
    /// One table pair failed.
    Table,
    /// A safety limit stopped the pair.
    Safety,
    /// Somebody asked us to stop.
    Interrupted,
}

impl Kind {
    /// The exit code of a program that ends with an error of this kind.
    #[must_use]
    pub fn exit(self) -> Exit {
        match self {
            Self::Usage => Exit::Usage,
            Self::Start => Exit::NotStarted,
            Self::Locked => Exit::Locked,
            Self::Table => Exit::TableFailed,
            Self::Safety => Exit::Safety,
            Self::Interrupted => Exit::Interrupted,
        }
    }
}

/// One failure: what, why, and what to do about it.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    cause: Option<anyhow::Error>,
    hint: Option<String>,
}

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` with its one sentence, without `error:` and full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), cause: None, hint: None }
    }

    /// Adds the reason behind the sentence; its own sources are kept.
    #[must_use]
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds a reason that is text only.
    #[must_use]
    pub fn because_text(self, cause: impl fmt::Display) -> Self {
        self.because(anyhow::anyhow!("{cause}"))
    }

    /// Adds the next step for the reader.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error as a member of another family.
    #[must_use]
    pub fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The family of the error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The sentence that says what failed.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The causes, from the nearest to the deepest, each as one text.
    ///
    /// A cause that only repeats the end of the one before it is left out:
    /// many libraries print their source within their own message.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        for cause in self.cause.iter().flat_map(anyhow::Error::chain) {
            let text = cause.to_string();
            if !causes.last().is_some_and(|before| before.contains(&text)) {
                causes.push(text);
            }
        }
        causes
    }

    /// The nearest cause, if it is a `T`.
    #[must_use]
    pub fn cause_as<T: fmt::Display + fmt::Debug + Send + Sync + 'static>(&self) -> Option<&T> {
        self.cause.as_ref()?.downcast_ref()
    }

    /// The next step for the reader, if there is one.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Sentence and causes on one line, for a log or our own tables.
    #[must_use]
    pub fn one_line(&self) -> String {
        let mut parts = vec![self.message.clone()];
        parts.extend(self.causes());
        parts.join(": ").replace(['\n', '\r'], " ")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_causes_are_said_once() {
        let cause = anyhow::anyhow!("refused").context("could not dial: refused");
        let error = Error::new(Kind::Start, "could not connect").because(cause);
        assert_eq!(error.causes(), ["could not dial: refused"]);
        assert_eq!(error.one_line(), "could not connect: could not dial: refused");
    }

    #[test]
    fn every_kind_has_its_exit_code() {
        assert_eq!(Kind::Usage.exit() as u8, 2);
        assert_eq!(Kind::Start.exit() as u8, 3);
        assert_eq!(Kind::Locked.exit() as u8, 5);
        assert_eq!(Kind::Table.exit() as u8, 1);
        assert_eq!(Kind::Safety.exit() as u8, 6);
        assert_eq!(Kind::Interrupted.exit() as u8, 130);
    }
}

//! The log file: one line an event, limited in size and number.
//!
//! Reverse and forward may write to it at the same time, from two processes,
//! and Windows renames no file that somebody has open. So nobody keeps it open:
//!
//! 1. A writer takes the lock, which is a file beside it. The system frees it
//!    if the writer dies.
//! 2. It opens the log, and moves it aside first if the line has no room.
//! 3. It writes the whole line at once, and closes the log.
//!
//! Who cannot have the lock in time, or cannot move a file because an editor
//! holds it, writes its line to the end all the same: no line is lost.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where the log is, and how much of it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    pub file: PathBuf,
    /// It is moved aside before it grows past so many bytes.
    pub max_size: u64,
    /// So many of those that were moved aside stay.
    pub keep: u64,
}

/// How long to wait for another writer, who needs microseconds.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);

impl LogFile {
    /// Writes a line to the end.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&self, line: &str) -> io::Result<()> {
        if let Some(folder) = self.file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let line = format!("{line}\n");
        let lock = self.lock();
        if lock.is_some() && self.has_no_room(line.len() as u64) {
            // Where it cannot be moved now, it is moved later.
            let _ = self.rotate();
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&self.file)?;
        file.write_all(line.as_bytes())
    }

    /// The lock, until it is dropped.
    fn lock(&self) -> Option<File> {
        // Windows locks no file that was opened to append only.
        let mut options = OpenOptions::new();
        let options = options.create(true).read(true).append(true);
        let file = options.open(beside(&self.file, "lock")).ok()?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Some(file),
                Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {
                    std::thread::sleep(PAUSE);
                }
                Err(_) => return None,
            }
        }
    }

    fn has_no_room(&self, more: u64) -> bool {
        let size = std::fs::metadata(&self.file).map_or(0, |file| file.len());
        size > 0 && size.saturating_add(more) > self.max_size
    }

    /// Moves the log to `.1`, that one to `.2`, and so on; the oldest one goes.
    fn rotate(&self) -> io::Result<()> {
        let old = |number: u64| beside(&self.file, &number.to_string());
        if self.keep == 0 {
            return std::fs::remove_file(&self.file);
        }
        for number in (1..self.keep).rev() {
            if old(number).exists() {
                std::fs::rename(old(number), old(number + 1))?;
            }
        }
        std::fs::rename(&self.file, old(1))
    }
}

/// `pgsync.log.1`
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(max_size: u64, keep: u64) -> (tempfile::TempDir, LogFile) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new folder").join("pgsync.log");
        (folder, LogFile { file, max_size, keep })
    }

    fn read(log: &LogFile, number: u64) -> Option<String> {
        std::fs::read_to_string(beside(&log.file, &number.to_string())).ok()
    }

    #[test]
    fn the_oldest_lines_go() {
        let (_folder, log) = log(8, 2);
        for line in ["one", "two", "three", "four", "a very long line", "six"] {
            log.append(line).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&log.file).unwrap(), "six\n");
        assert_eq!(read(&log, 1).as_deref(), Some("a very long line\n"));
        assert_eq!(read(&log, 2).as_deref(), Some("four\n"));
        assert_eq!(read(&log, 3), None);
    }

    #[test]
    fn nothing_is_kept_where_nothing_is_to_be_kept() {
        let (_folder, log) = log(8, 0);
        for line in ["one", "two", "three"] {
            log.append(line).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&log.file).unwrap(), "three\n");
        assert_eq!(read(&log, 1), None);
    }

    #[test]
    fn writers_at_the_same_time_lose_no_line() {
        let (_folder, log) = log(500, 100);
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let log = log.clone();
                scope.spawn(move || {
                    (0..100).for_each(|line| log.append(&format!("{writer} {line}")).unwrap());
                });
            }
        });
        let old = (1..=100).filter_map(|number| read(&log, number)).collect::<String>();
        let all = old + &std::fs::read_to_string(&log.file).unwrap();
        let mut lines: Vec<&str> = all.lines().collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 800);
        assert!(read(&log, 2).is_some());
    }

    /// An editor on Windows, or a folder of that name: the line is written.
    #[test]
    fn what_cannot_be_moved_is_written_on() {
        let (_folder, log) = log(8, 1);
        log.append("one").unwrap();
        std::fs::create_dir_all(beside(&log.file, "1").join("in the way")).unwrap();
        log.append("two and more").unwrap();
        assert_eq!(std::fs::read_to_string(&log.file).unwrap(), "one\ntwo and more\n");
    }
}

//! Writes rows as COPY reads them, for one side: cells that the side has no column for are dropped.
//! It must not know the tables.

use std::fmt::{self, Display, Write};

use crate::programs::Side;

/// Which side has a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Both,
    Cloud,
    Desktop,
}

impl On {
    pub fn has(self, side: Side) -> bool {
        match self {
            On::Both => true,
            On::Cloud => side == Side::Cloud,
            On::Desktop => side == Side::Desktop,
        }
    }
}

/// A column of either side, in the order in which a table's cells are written.
pub type Column = (&'static str, On);

/// The rows of a table.
pub struct Lines {
    text: String,
    kept: Vec<bool>,
    /// The next cell's place among the columns.
    at: usize,
    rows: i64,
}

impl Lines {
    pub fn new(columns: &[Column], side: Side) -> Lines {
        let kept = columns.iter().map(|(_, on)| on.has(side)).collect();
        Lines { text: String::new(), kept, at: 0, rows: 0 }
    }

    /// The next cell of this row.
    pub fn put(&mut self, value: impl Display) -> &mut Self {
        if self.next_is_kept() {
            write!(Escaped(&mut self.text), "{value}").expect("writing into a string");
            self.text.push('\t');
        }
        self
    }

    /// The next cell, which is NULL.
    pub fn null(&mut self) -> &mut Self {
        if self.next_is_kept() {
            self.text.push_str("\\N\t");
        }
        self
    }

    /// The next cell, NULL if there is nothing.
    pub fn maybe(&mut self, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.put(value),
            None => self.null(),
        }
    }

    /// Several cells that are all NULL.
    pub fn nulls(&mut self, how_many: usize) -> &mut Self {
        for _ in 0..how_many {
            self.null();
        }
        self
    }

    /// Ends the row. A row with too few or too many cells is a mistake of ours.
    pub fn end(&mut self) {
        assert_eq!(self.at, self.kept.len(), "a row of another length than the table");
        self.text.pop();
        self.text.push('\n');
        self.at = 0;
        self.rows += 1;
    }

    /// How many rows there are.
    pub fn rows(&self) -> i64 {
        self.rows
    }

    pub fn into_text(self) -> String {
        self.text
    }

    fn next_is_kept(&mut self) -> bool {
        let kept = self.kept[self.at];
        self.at += 1;
        kept
    }
}

/// COPY's text format gives a meaning to these four characters.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(found) = rest.find(['\\', '\t', '\n', '\r']) {
            self.0.push_str(&rest[..found]);
            self.0.push_str(match rest.as_bytes()[found] {
                b'\t' => "\\t",
                b'\n' => "\\n",
                b'\r' => "\\r",
                _ => "\\\\",
            });
            rest = &rest[found + 1..];
        }
        self.0.push_str(rest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_escaped_and_the_other_sides_left_out() {
        let columns = [("a", On::Both), ("b", On::Cloud), ("c", On::Desktop), ("d", On::Both)];
        let mut lines = Lines::new(&columns, Side::Desktop);
        lines.put(1).put("cloud").put("C:\\x\ty").null().end();
        assert_eq!(lines.into_text(), "1\tC:\\\\x\\ty\t\\N\n");
    }
}

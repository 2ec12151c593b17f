//! SQL from the configuration: one expression that cannot leave its parentheses.
//!
//! The configuration's owner may write any expression, so this is no defence
//! against a malicious owner. It is one against an accident: `a or b` with a
//! parenthesis too many, a comment that swallows the rest of our statement, a
//! second statement. It reads texts and words as PostgreSQL's scanner does
//! (with `standard_conforming_strings = on`) and refuses what it cannot tell
//! apart with certainty. It does not know what an expression means.
//!
//! Source: <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>

/// A piece of SQL from the configuration: one expression, closed in itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlFragment(String);

/// Why a text is not one closed expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFragment {
    /// Nothing, or nothing but white space.
    #[error("the expression is empty")]
    Empty,
    /// The server ends a text at a NUL.
    #[error("the expression contains a NUL character")]
    Nul,
    /// A second statement would begin.
    #[error("the expression contains a semicolon outside of quotes")]
    Semicolon,
    /// The rest of our statement would be swallowed.
    #[error("the expression contains a comment (-- or /*)")]
    Comment,
    /// It would be a row, or two columns.
    #[error("the expression has a comma outside of parentheses")]
    Comma,
    /// It would leave its parentheses.
    #[error("the expression has a {0} without its opening counterpart")]
    NotOpened(char),
    /// It would take in what follows.
    #[error("the expression has a {0} that is not closed")]
    NotClosed(char),
    /// A text or a quoted name would take in what follows.
    #[error("the expression has a {0} quote that is not closed")]
    OpenQuote(&'static str),
    /// `'a' 'b'` is one text or an error, depending on what stands between.
    #[error("the expression has two texts in a row; put || between them")]
    TwoTexts,
    /// `word'text'` is read differently by different servers.
    #[error("the expression has a quote directly behind a word; put a space before it")]
    GluedQuote,
    /// `$1` means a parameter of our statement, and a lone `$` means nothing.
    #[error("the expression has a $ that begins no $quoted$ text")]
    Dollar,
}

impl SqlFragment {
    /// Takes one expression as it stands in the configuration.
    ///
    /// # Errors
    /// When the text is not one expression that is closed in itself.
    pub fn parse(text: &str) -> Result<Self, BadFragment> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BadFragment::Empty);
        }
        if text.contains('\0') {
            return Err(BadFragment::Nul);
        }
        Scanner { rest: text, open: Vec::new() }.scan()?;
        Ok(Self(text.to_owned()))
    }

    /// The expression in parentheses, ready to be placed in a statement.
    #[must_use]
    pub fn sql(&self) -> String {
        format!("({})", self.0)
    }

    /// Both conditions.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(format!("{} and {}", self.sql(), other.sql()))
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its value may be another one although its row is the same: it
    /// could ask other tables, the clock or a function. Where that is not
    /// certain, it may.
    #[must_use]
    pub fn looks_beyond_its_row(&self) -> bool {
        const ELSEWHERE: [&str; 6] = ["select", "table", "values", "current_", "local", "user"];
        let written = self.0.to_ascii_lowercase();
        let is_called = |(at, _): (usize, &str)| {
            let before = written.get(..at).unwrap_or_default().trim_end();
            before.ends_with(|last: char| is_word(last) || last == '"')
        };
        ELSEWHERE.iter().any(|word| written.contains(word))
            || written.match_indices('(').any(is_called)
    }
}

/// Reads an expression from its beginning to its end, a token at a time.
struct Scanner<'a> {
    rest: &'a str,
    /// The closing counterparts of what is open.
    open: Vec<char>,
}

impl Scanner<'_> {
    fn scan(mut self) -> Result<(), BadFragment> {
        while let Some(next) = self.rest.chars().next() {
            match next {
                '\'' => self.text(false)?,
                '"' => self.quoted_name()?,
                '$' => self.dollar_quote()?,
                letter if is_word(letter) => self.word()?,
                mark => self.mark(mark)?,
            }
        }
        self.open.pop().map_or(Ok(()), |closing| Err(BadFragment::NotClosed(counterpart(closing))))
    }

    /// A sign that is neither quote nor word.
    fn mark(&mut self, mark: char) -> Result<(), BadFragment> {
        match mark {
            ';' => return Err(BadFragment::Semicolon),
            '-' if self.rest.starts_with("--") => return Err(BadFragment::Comment),
            '/' if self.rest.starts_with("/*") => return Err(BadFragment::Comment),
            ',' if self.open.is_empty() => return Err(BadFragment::Comma),
            '(' | '[' => self.open.push(counterpart(mark)),
            ')' | ']' if self.open.pop() != Some(mark) => return Err(BadFragment::NotOpened(mark)),
            _ => {}
        }
        self.skip(mark.len_utf8());
        Ok(())
    }

    /// A name, a keyword, a number, or the letter before a text: `E'..'`.
    ///
    /// Which letters of `0x1E'..'` belong to the number depends on the
    /// server's version, and with them whether a backslash escapes. So a
    /// quote is taken only behind a letter that cannot be anything else.
    fn word(&mut self) -> Result<(), BadFragment> {
        let number = self.rest.starts_with(|first: char| first.is_ascii_digit());
        let is_part = |part: char| is_word(part) || (part == '$' && !number);
        let length = self.rest.find(|part| !is_part(part)).unwrap_or(self.rest.len());
        let (word, behind) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = behind;
        match (word, behind.chars().next()) {
            ("e" | "E", Some('\'')) => self.text(true),
            ("b" | "B" | "x" | "X" | "n" | "N", Some('\'')) => self.text(false),
            (_, Some('\'')) => Err(BadFragment::GluedQuote),
            (_, Some('$')) => Err(BadFragment::Dollar),
            _ => Ok(()),
        }
    }

    /// A text in single quotes; with `escapes`, a backslash hides what follows.
    ///
    /// Behind a line break a further text would belong to this one and obey
    /// its rules, `E'a' \n 'b\''`; such a pair is refused altogether.
    fn text(&mut self, escapes: bool) -> Result<(), BadFragment> {
        let unclosed = BadFragment::OpenQuote("single");
        self.skip(1);
        loop {
            let at = self.rest.find(['\'', '\\']).ok_or(unclosed)?;
            self.skip(at);
            if self.rest.starts_with('\\') {
                self.skip(1);
                let hidden = self.rest.chars().next().filter(|_| escapes);
                self.skip(hidden.map_or(0, char::len_utf8));
            } else if self.rest.starts_with("''") {
                self.skip(2);
            } else {
                self.skip(1);
                return self.no_further_text();
            }
        }
    }

    fn no_further_text(&self) -> Result<(), BadFragment> {
        let behind = self.rest.trim_start();
        if behind.starts_with('\'') { Err(BadFragment::TwoTexts) } else { Ok(()) }
    }

    /// A name in double quotes; a doubled quote belongs to it.
    fn quoted_name(&mut self) -> Result<(), BadFragment> {
        self.skip(1);
        loop {
            let at = self.rest.find('"').ok_or(BadFragment::OpenQuote("double"))?;
            self.skip(at + 1);
            if !self.rest.starts_with('"') {
                return Ok(());
            }
            self.skip(1);
        }
    }

    /// `$$..$$` or `$tag$..$tag$`; nothing inside has a meaning.
    fn dollar_quote(&mut self) -> Result<(), BadFragment> {
        let (tag, _) =
            self.rest.get(1..).and_then(|rest| rest.split_once('$')).ok_or(BadFragment::Dollar)?;
        if !is_tag(tag) {
            return Err(BadFragment::Dollar);
        }
        let quote = format!("${tag}$");
        self.skip(quote.len());
        let at = self.rest.find(&quote).ok_or(BadFragment::OpenQuote("dollar"))?;
        self.skip(at + quote.len());
        Ok(())
    }

    /// Goes on behind the next `bytes`, which end at a character's boundary.
    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

fn counterpart(bracket: char) -> char {
    match bracket {
        '(' => ')',
        '[' => ']',
        ')' => '(',
        _ => '[',
    }
}

/// To PostgreSQL every character beyond ASCII is a letter.
fn is_word(part: char) -> bool {
    part.is_ascii_alphanumeric() || part == '_' || !part.is_ascii()
}

fn is_tag(tag: &str) -> bool {
    tag.chars().all(is_word) && !tag.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_taken_as_they_are() {
        for text in [
            "source = 'M'",
            "date + timefrom",
            "(select c.client_id from climaster c where c.con_id = con_id)",
            "a in (1, 2) and b[1] = any(array['x', 'y'])",
            "name = 'O''Brien; -- not a comment /* here'",
            "E'\\''",
            "e'\\\\' || 'x'",
            "E'a\\'); drop table x; --'",
            "'\\'",
            "$x$ ; $x$",
            "$$ ) -- $$",
            "$a$ $b$ ; $a$",
            "\"a\"\"; b\" = 1",
            "a$b = 1",
            "a - -1",
            "a -> 'b' ->> 'c'",
            "x::numeric(8,2)",
            "U&'\\0441' = b'1' || X'1f' || n'x'",
            "'a'\n|| 'b'",
            "date '2020-01-01'",
            "\u{0ba4} = '\u{0ba4}'",
            "a %% 2 and b @> '{1,2}' and c ? 'd'",
            "1e5 + 0x1F + 1_000 + .5",
        ] {
            let fragment = SqlFragment::parse(text).expect(text);
            assert_eq!(fragment.sql(), format!("({text})"));
        }
        assert_eq!(SqlFragment::parse(" \n a = 1\t").unwrap().as_str(), "a = 1");
    }

    #[test]
    fn what_would_leave_the_parentheses_is_refused() {
        use BadFragment::*;
        for (text, why) in [
            ("", Empty),
            (" \n ", Empty),
            ("a\0b", Nul),
            ("true) or (true", NotOpened(')')),
            ("1); drop table x; --", NotOpened(')')),
            ("1; drop table x", Semicolon),
            ("a = 1 -- rest", Comment),
            ("1--1", Comment),
            ("a +-- b", Comment),
            ("a /* b", Comment),
            ("a /* b */", Comment),
            ("(a", NotClosed('(')),
            ("a[1", NotClosed('[')),
            ("(a]", NotOpened(']')),
            ("([a)]", NotOpened(')')),
            ("'a", OpenQuote("single")),
            ("'a''", OpenQuote("single")),
            ("E'\\'", OpenQuote("single")),
            ("E'a\\", OpenQuote("single")),
            ("e'\\\\\\'", OpenQuote("single")),
            ("\"a", OpenQuote("double")),
            ("\"a\"\"", OpenQuote("double")),
            ("$x$ ; $y$", OpenQuote("dollar")),
            ("$$ a $", OpenQuote("dollar")),
            ("a = $1", Dollar),
            ("a $", Dollar),
            ("1$x$;$x$", Dollar),
            ("$1$;$1$", Dollar),
            ("$a b$;$a b$", Dollar),
            ("a, b", Comma),
            ("'\\'); drop table x; --'", NotOpened(')')),
            ("a$x$;$x$", Semicolon),
            ("0x1E'\\'", GluedQuote),
            ("be'\\'", GluedQuote),
            ("date'2020-01-01'", GluedQuote),
            ("\u{e9}E'\\'", GluedQuote),
            ("E'a'\n'\\'", TwoTexts),
            ("'a' 'b'", TwoTexts),
        ] {
            assert_eq!(SqlFragment::parse(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn what_may_change_without_its_row_is_told() {
        let beyond = |text: &str| SqlFragment::parse(text).unwrap().looks_beyond_its_row();
        for text in ["source is distinct from 'M'", "(a + b) * 2 > 0 and note ~ 'x'", "'M'"] {
            assert!(!beyond(text), "{text}");
        }
        for text in [
            "(SELECT max(a) from b)",
            "at > now()",
            "f (a)",
            "\"F\"(a)",
            "d = current_date",
            "t < localtimestamp",
            "a in (1, 2)",
        ] {
            assert!(beyond(text), "{text}");
        }
    }

    #[test]
    fn reasons_are_sentences() {
        assert_eq!(
            BadFragment::NotOpened(')').to_string(),
            "the expression has a ) without its opening counterpart"
        );
        assert_eq!(
            BadFragment::OpenQuote("single").to_string(),
            "the expression has a single quote that is not closed"
        );
    }

    #[test]
    fn no_beginning_of_anything_panics() {
        let text = "E'\u{0ba4}\\'' || $\u{e9}$;$\u{e9}$ || \"x\"\"\" || a[(1)] -- /* ; $1 $$";
        for (at, _) in text.char_indices() {
            let (before, after) = text.split_at(at);
            let _ = (SqlFragment::parse(before), SqlFragment::parse(after));
        }
    }
}

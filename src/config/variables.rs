//! `${NAME}` in a text: from the environment, else from a `.env` file.
//!
//! The environment is only read, never changed. A value that was put in is
//! never looked at again: neither for further variables nor as TOML. This
//! room does not know where in the configuration a text stands.

use super::file::decode;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::env::VarError;
use std::path::{Path, PathBuf};

/// How a variable of the environment is looked up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Result<String, VarError>;

/// The variables that the configuration may name.
pub(super) struct Variables<'a> {
    environment: Environment<'a>,
    path: PathBuf,
    file: OnceCell<DotEnv>,
}

/// A `.env` file as read; empty if there is none.
#[derive(Default)]
struct DotEnv {
    values: HashMap<String, String>,
    expanded: Vec<(usize, String)>,
    problem: Option<String>,
}

/// A text after its variables were put in.
#[derive(Default)]
pub(super) struct Filled {
    pub(super) value: String,
    /// The variables that were put in, in order.
    pub(super) variables: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) problems: Vec<Problem>,
}

/// Why a variable could not be put in. Never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("the environment variable {0} is not set")]
    Missing(String),
    #[error("the environment variable {0} is not valid Unicode")]
    NotUnicode(String),
    #[error("a ${{ has no }} behind it; write $${{ where you mean the two characters")]
    Unclosed,
    #[error("${{...}} must hold one name of letters, digits and underscores")]
    NoName,
    #[error("{0}")]
    File(String),
}

impl<'a> Variables<'a> {
    /// The environment, and behind it the `.env` beside the configuration.
    pub(super) fn new(environment: Environment<'a>, configuration: &Path) -> Self {
        let path = configuration.with_file_name(".env");
        Self { environment, path, file: OnceCell::new() }
    }

    /// Puts the variables into a text as it was written.
    pub(super) fn fill(&self, written: &str) -> Filled {
        let mut filled = Filled::default();
        let mut rest = written;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(plain) = before.strip_suffix('$') {
                filled.value.push_str(plain);
                filled.value.push_str("${");
                rest = after;
                continue;
            }
            filled.value.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                filled.problems.push(Problem::Unclosed);
                return filled;
            };
            self.put_in(name, &mut filled);
            rest = behind;
        }
        filled.value.push_str(rest);
        filled
    }

    fn put_in(&self, name: &str, filled: &mut Filled) {
        match self.value(name, &mut filled.warnings) {
            Ok(value) => {
                filled.value.push_str(&value);
                filled.variables.push(name.to_owned());
            }
            Err(problem) => filled.problems.push(problem),
        }
    }

    /// An environment variable that is set to nothing gives way to the file.
    fn value(&self, name: &str, warnings: &mut Vec<String>) -> Result<String, Problem> {
        if !is_name(name) {
            return Err(Problem::NoName);
        }
        match (self.environment)(name) {
            Ok(value) if !value.is_empty() => Ok(value),
            Ok(empty) => Ok(self.in_file(name, warnings)?.unwrap_or(empty)),
            Err(VarError::NotUnicode(_)) => Err(Problem::NotUnicode(name.to_owned())),
            Err(VarError::NotPresent) => {
                self.in_file(name, warnings)?.ok_or_else(|| Problem::Missing(name.to_owned()))
            }
        }
    }

    fn in_file(&self, name: &str, warnings: &mut Vec<String>) -> Result<Option<String>, Problem> {
        let file = self.file.get_or_init(|| read_file(&self.path));
        if let Some((line, _)) = file.expanded.iter().find(|(_, key)| key == name) {
            warnings.push(format!(
                "a $ in the value of {name} was taken as a variable ({}, line {line}); put the \
                 value in single quotes if the $ belongs to it",
                self.path.display()
            ));
        }
        match (file.values.get(name), &file.problem) {
            (Some(value), _) => Ok(Some(value.clone())),
            (None, Some(problem)) => Err(Problem::File(problem.clone())),
            (None, None) => Ok(None),
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Reads a `.env` as far as it can be read. No file at all is no problem.
fn read_file(path: &Path) -> DotEnv {
    match std::fs::read(path) {
        Ok(bytes) => parse_file(&bytes).unwrap_or_else(|why| DotEnv {
            problem: Some(format!("could not read {}: {why}", path.display())),
            ..DotEnv::default()
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            DotEnv { problem: misnamed(path), ..DotEnv::default() }
        }
        Err(error) => DotEnv {
            problem: Some(format!("could not read {}: {error}", path.display())),
            ..DotEnv::default()
        },
    }
}

/// Notepad adds `.txt` to a name that seems to have no ending, and the
/// Explorer does not show it.
fn misnamed(path: &Path) -> Option<String> {
    let misnamed = path.with_file_name(".env.txt");
    let what = || format!("{} is not read; rename it to .env", misnamed.display());
    misnamed.is_file().then(what)
}

/// `dotenvy` repeats the faulty line in its error, and the line may hold a
/// password: only the line's number is told.
fn parse_file(bytes: &[u8]) -> Result<DotEnv, String> {
    let text = decode(bytes).map_err(|why| why.to_string())?;
    let values = dotenvy::from_read_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| faulty_line(&error, text))?;
    Ok(DotEnv { values, expanded: expanded(text), problem: None })
}

/// How many variables a `.env` holds.
pub(super) fn count(bytes: &[u8]) -> Result<usize, String> {
    parse_file(bytes).map(|file| file.values.len())
}

fn faulty_line(error: &dotenvy::Error, text: &str) -> String {
    let dotenvy::Error::LineParse(part, _) = error else {
        return "it is no text file".to_owned();
    };
    let first = part.lines().next().unwrap_or_default();
    let line = text.lines().position(|line| line.contains(first)).map_or(0, |index| index + 1);
    format!(
        "line {line} is not of the form NAME=value (a value with spaces, quotes or backslashes \
         needs single quotes around it)"
    )
}

/// The names whose values hold a `$` that `dotenvy` replaces, and their lines.
///
/// `PASSWORD=pa$word` loses its end without a word, because `$word` is no
/// variable; only in single quotes or behind a backslash does it stay.
fn expanded(text: &str) -> Vec<(usize, String)> {
    let names = text.lines().enumerate().filter_map(|(index, line)| {
        let (name, value) = line.split_once('=')?;
        let name = name.trim().trim_start_matches("export ").trim();
        let literal = value.trim_start().starts_with('\'');
        let replaced = value.replace("\\$", "").contains('$');
        (is_name(name) && replaced && !literal).then(|| (index + 1, name.to_owned()))
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Result<String, VarError> {
        match name {
            "HOST" => Ok("db.example.com".to_owned()),
            "TRICKY" => Ok("a\" ${HOST}\nb = 1".to_owned()),
            "EMPTY" => Ok(String::new()),
            "BROKEN" => Err(VarError::NotUnicode("x".into())),
            _ => Err(VarError::NotPresent),
        }
    }

    fn variables(file: &str) -> Variables<'static> {
        let variables = Variables::new(&environment, Path::new("dir/pgsync.toml"));
        let parsed = parse_file(file.as_bytes())
            .unwrap_or_else(|why| DotEnv { problem: Some(why), ..DotEnv::default() });
        variables.file.set(parsed).ok();
        variables
    }

    fn fill(written: &str) -> String {
        let filled = variables("HOST=other\nONLY_FILE='it is $here'\nEMPTY=full\n").fill(written);
        assert_eq!(filled.problems, []);
        filled.value
    }

    fn problems(written: &str) -> Vec<String> {
        variables("").fill(written).problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn variables_are_put_in_once() {
        assert_eq!(
            fill("postgres://${HOST}/x${HOST}"),
            "postgres://db.example.com/xdb.example.com"
        );
        assert_eq!(fill("${ONLY_FILE}"), "it is $here");
        assert_eq!(fill("${EMPTY}"), "full");
        assert_eq!(fill("${TRICKY}"), "a\" ${HOST}\nb = 1");
        assert_eq!(fill("no $HOST here, {HOST}"), "no $HOST here, {HOST}");
        assert_eq!(fill("$${HOST} and $$"), "${HOST} and $$");
        assert_eq!(fill(""), "");
        assert_eq!(variables("").fill("a ${HOST} ${TRICKY}").variables, ["HOST", "TRICKY"]);
        assert_eq!(variables("").fill("${EMPTY}").value, "");
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(
            problems("${A} ${B}"),
            ["the environment variable A is not set", "the environment variable B is not set"]
        );
        assert_eq!(problems("${BROKEN}"), ["the environment variable BROKEN is not valid Unicode"]);
        for name in ["${}", "${a b}", "${1A}", "${A-B}", "${A.B}", "${\u{e9}}"] {
            assert_eq!(
                problems(name),
                ["${...} must hold one name of letters, digits and underscores"],
                "{name}"
            );
        }
        assert_eq!(
            problems("x ${HOST"),
            ["a ${ has no } behind it; write $${ where you mean the two characters"]
        );
    }

    #[test]
    fn a_broken_file_is_told_without_its_content() {
        let filled = variables("A=1\nPASSWORD=hunter2 and more\n").fill("${PASSWORD}");
        assert_eq!(
            filled.problems,
            [Problem::File(
                "line 2 is not of the form NAME=value (a value with spaces, quotes or \
                 backslashes needs single quotes around it)"
                    .to_owned()
            )]
        );
        let utf_16 = variables("P\0W\0=\0").fill("${PASSWORD}");
        assert_eq!(
            utf_16.problems,
            [Problem::File("the file is saved as UTF-16, which is not read".to_owned())]
        );
    }

    #[test]
    fn a_dollar_that_was_replaced_is_told() {
        let file = "\nexport PW=pa$word\nOK='pa$word'\nALSO=pa\\$word\n";
        assert_eq!(
            variables(file).fill("${PW}${OK}${ALSO}").warnings,
            [format!(
                "a $ in the value of PW was taken as a variable ({}, line 2); put the value in \
                 single quotes if the $ belongs to it",
                Path::new("dir").join(".env").display()
            )]
        );
    }

    #[test]
    fn no_damaged_file_panics_or_is_repeated() {
        let file = "A=hunter2\nB='hunter2 x' # c\nexport C=\"hunter2\"\nD=$A${B}\\n\n";
        for damaged in super::super::testing::mutations(file) {
            let why = parse_file(&damaged).err().unwrap_or_default();
            assert!(!why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn no_file_is_no_problem() {
        let variables = Variables::new(&environment, Path::new("/nowhere/at/all/pgsync.toml"));
        assert_eq!(variables.fill("${A}").problems, [Problem::Missing("A".to_owned())]);
    }
}

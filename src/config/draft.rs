//! A configuration that a program proposes, spelled as TOML with a comment
//! for everything that was guessed.
//!
//! What is proposed, and why, is decided elsewhere; here is only the spelling.
//! No password can be in it: a draft has no place for one.

use crate::ident::{Ident, TableName};
use std::fmt::Write as _;

/// Everything that the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub time_zone: String,
    /// Why it was taken.
    pub time_zone_why: String,
    pub desktop: Way,
    pub cloud: Way,
    /// Which rows belong to the phones, and why it is thought so.
    pub owned_by_cloud: Option<(String, String)>,
    /// Columns that the cloud fills by itself.
    pub skipped: Vec<String>,
    pub tables: Vec<DraftTable>,
    /// Tables without a counterpart.
    pub only_on_desktop: Vec<String>,
    pub only_in_cloud: Vec<String>,
}

/// How a side is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By this variable of the environment, which holds a URL.
    Variable(&'static str),
    /// By this URL without a password; it comes from this variable, if one is
    /// needed.
    Url(String, &'static str),
}

/// A pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftTable {
    pub desktop: TableName,
    pub cloud: TableName,
    /// What was guessed, and why, a sentence each.
    pub guesses: Vec<String>,
    pub key: Vec<Ident>,
    /// Whether it has no rows of the phones' although others have.
    pub owned_by_nobody: bool,
    pub reverse: DraftReverse,
    pub forward: DraftForward,
    /// Expressions for single columns, on the way to the desktop.
    pub reverse_columns: Vec<(Ident, String)>,
    /// The same on the way to the cloud.
    pub forward_columns: Vec<(Ident, String)>,
}

/// From the cloud to the desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftReverse {
    Off,
    InsertMissing,
    /// The cloud makes the key; only these rows.
    Delivered(String),
}

/// From the desktop to the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftForward {
    Off,
    Upsert,
    Mirror { key: Vec<Ident>, filter: Option<String> },
}

const OPENING: &str = "\
# Made by pgsync init from the two databases. Read every line that begins with
# \"guessed\", correct what is wrong, then run: pgsync check
#
# ${NAME} in a text is replaced by the environment variable NAME, or by the
# line NAME=... of a file called .env beside this one. Passwords belong there.
";

impl Draft {
    /// The file.
    #[must_use]
    pub fn spell(&self) -> String {
        let mut text = OPENING.to_owned();
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        line(format!("\n# guessed: {}", self.time_zone_why));
        line(format!("desktop_time_zone = {}", quote(&self.time_zone)));
        for (name, way) in [("desktop", &self.desktop), ("cloud", &self.cloud)] {
            line(format!("\n[{name}]\n{}", way.spell()));
        }
        line("\n[defaults]".to_owned());
        if let Some((owned, why)) = &self.owned_by_cloud {
            line(format!("# guessed: {why}\nowned_by_cloud = {}", quote(owned)));
        }
        line("reverse = \"insert-missing\"".to_owned());
        if !self.skipped.is_empty() {
            line("\n# guessed: the cloud fills these by itself".to_owned());
            line("[defaults.forward.columns]".to_owned());
            self.skipped.iter().for_each(|name| line(format!("{} = {{ skip = true }}", key(name))));
        }
        self.tables.iter().for_each(|table| line(format!("\n{}", table.spell())));
        for (place, tables) in
            [("on the desktop", &self.only_on_desktop), ("in the cloud", &self.only_in_cloud)]
        {
            if !tables.is_empty() {
                line(format!("\n# Only {place}, so they are left out: {}", tables.join(", ")));
            }
        }
        text
    }
}

/// A file that says where both sides are, and means nothing beside.
pub(super) fn connections(desktop: &Way, cloud: &Way) -> String {
    let (desktop, cloud) = (desktop.spell(), cloud.spell());
    format!(
        "desktop_time_zone = \"UTC\"\n[desktop]\n{desktop}\n[cloud]\n{cloud}\n[tables]\nnone = {{}}\n"
    )
}

impl Way {
    fn spell(&self) -> String {
        match self {
            Self::Variable(name) => format!("url = \"${{{name}}}\""),
            Self::Url(url, password) => {
                format!("url = {}\n# password = \"${{{password}}}\"", quote(url))
            }
        }
    }
}

impl DraftTable {
    /// Its name in the file.
    #[must_use]
    pub fn label(&self) -> String {
        match self.desktop.schema.as_str() {
            "public" => self.desktop.table.to_string(),
            schema => format!("{schema}_{}", self.desktop.table),
        }
    }

    fn spell(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        for guess in &self.guesses {
            let _ = writeln!(text, "# guessed: {guess}");
        }
        let label = self.label();
        let _ = writeln!(text, "[tables.{}]", key(&label));
        for (side, table) in [("desktop", &self.desktop), ("cloud", &self.cloud)] {
            if table.table.as_str() != label {
                let _ = writeln!(text, "{side} = {}", quote(table.table.as_str()));
            }
            if table.schema.as_str() != "public" {
                let _ = writeln!(text, "{side}_schema = {}", quote(table.schema.as_str()));
            }
        }
        if !self.key.is_empty() {
            let _ = writeln!(text, "key = {}", idents(&self.key));
        }
        if self.owned_by_nobody {
            text.push_str("owned_by_cloud = false\n");
        }
        if let Some(reverse) = self.spell_reverse() {
            let _ = writeln!(text, "reverse = {reverse}");
        }
        let _ = write!(text, "forward = {}", self.spell_forward());
        text
    }

    fn spell_reverse(&self) -> Option<String> {
        let columns = columns(&self.reverse_columns);
        match &self.reverse {
            DraftReverse::Off => Some("\"off\"".to_owned()),
            DraftReverse::InsertMissing if columns.is_empty() => None,
            DraftReverse::InsertMissing => {
                Some(format!("{{ mode = \"insert-missing\"{columns} }}"))
            }
            DraftReverse::Delivered(filter) => Some(format!(
                "{{ mode = \"insert-missing\", where = {}, delivered = true{columns} }}",
                quote(filter)
            )),
        }
    }

    fn spell_forward(&self) -> String {
        let columns = columns(&self.forward_columns);
        match &self.forward {
            DraftForward::Off => "\"off\"".to_owned(),
            DraftForward::Upsert if columns.is_empty() => "\"upsert\"".to_owned(),
            DraftForward::Upsert => format!("{{ mode = \"upsert\"{columns} }}"),
            DraftForward::Mirror { key, filter } => {
                let key = match key.as_slice() {
                    [] => String::new(),
                    key => format!(", key = {}", idents(key)),
                };
                let filter = filter.as_ref().map(|filter| format!(", where = {}", quote(filter)));
                format!("{{ mode = \"mirror\"{key}{}{columns} }}", filter.unwrap_or_default())
            }
        }
    }
}

fn columns(columns: &[(Ident, String)]) -> String {
    let rules: Vec<String> = columns
        .iter()
        .map(|(name, sql)| format!("{} = {}", key(name.as_str()), quote(sql)))
        .collect();
    if rules.is_empty() { String::new() } else { format!(", columns = {{ {} }}", rules.join(", ")) }
}

fn idents(names: &[Ident]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| quote(name.as_str())).collect();
    match quoted.as_slice() {
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// A key of TOML: bare where it may be.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { basic(name) }
}

/// A text of the configuration, in which `${` begins a variable.
fn quote(text: &str) -> String {
    basic(&text.replace("${", "$${"))
}

/// A basic string of TOML.
fn basic(text: &str) -> String {
    let mut spelled = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => spelled.extend(['\\', letter]),
            ' '..='~' => spelled.push(letter),
            other => {
                let _ = write!(spelled, "\\U{:08X}", u32::from(other));
            }
        }
    }
    spelled.push('"');
    spelled
}

#[cfg(test)]
mod tests {
    use super::super::testing::read;
    use super::*;

    fn ident(name: &str) -> Ident {
        Ident::new(name).unwrap()
    }

    fn table(schema: &str, name: &str) -> TableName {
        TableName { schema: ident(schema), table: ident(name) }
    }

    fn pair(desktop: TableName, cloud: TableName) -> DraftTable {
        DraftTable {
            desktop,
            cloud,
            guesses: vec!["by its name".to_owned()],
            key: vec![ident("id")],
            owned_by_nobody: false,
            reverse: DraftReverse::InsertMissing,
            forward: DraftForward::Upsert,
            reverse_columns: Vec::new(),
            forward_columns: Vec::new(),
        }
    }

    fn draft() -> Draft {
        let mirrored = DraftTable {
            reverse: DraftReverse::Delivered("source = 'M'".to_owned()),
            forward: DraftForward::Mirror {
                key: vec![ident("a"), ident("b")],
                filter: Some("source is distinct from 'M'".to_owned()),
            },
            forward_columns: vec![(ident("day"), "day::date".to_owned())],
            ..pair(table("public", "diary"), table("public", "diary"))
        };
        let odd = DraftTable {
            owned_by_nobody: true,
            guesses: Vec::new(),
            reverse: DraftReverse::Off,
            forward: DraftForward::Off,
            ..pair(table("Old \u{e9}", "say \"x\""), table("public", "x${y}"))
        };
        Draft {
            time_zone: "Asia/Kolkata".to_owned(),
            time_zone_why: "the desktop's server says so".to_owned(),
            desktop: Way::Variable("URL"),
            cloud: Way::Url("postgres://me@h/d".to_owned(), "PASSWORD"),
            owned_by_cloud: Some(("source = 'M'".to_owned(), "it has such a column".to_owned())),
            skipped: vec!["updated_at".to_owned()],
            tables: vec![
                pair(table("public", "mbreminder"), table("public", "reminder")),
                mirrored,
                odd,
            ],
            only_on_desktop: vec!["a".to_owned(), "b".to_owned()],
            only_in_cloud: Vec::new(),
        }
    }

    #[test]
    fn a_draft_is_spelled_with_its_guesses() {
        let expected = "
# guessed: the desktop's server says so
desktop_time_zone = \"Asia/Kolkata\"

[desktop]
url = \"${URL}\"

[cloud]
url = \"postgres://me@h/d\"
# password = \"${PASSWORD}\"

[defaults]
# guessed: it has such a column
owned_by_cloud = \"source = 'M'\"
reverse = \"insert-missing\"

# guessed: the cloud fills these by itself
[defaults.forward.columns]
updated_at = { skip = true }

# guessed: by its name
[tables.mbreminder]
cloud = \"reminder\"
key = \"id\"
forward = \"upsert\"

# guessed: by its name
[tables.diary]
key = \"id\"
reverse = { mode = \"insert-missing\", where = \"source = 'M'\", delivered = true }
forward = { mode = \"mirror\", key = [\"a\", \"b\"], where = \"source is distinct from 'M'\", columns = { day = \"day::date\" } }

[tables.\"Old \\U000000E9_say \\\"x\\\"\"]
desktop = \"say \\\"x\\\"\"
desktop_schema = \"Old \\U000000E9\"
cloud = \"x$${y}\"
key = \"id\"
owned_by_cloud = false
reverse = \"off\"
forward = \"off\"

# Only on the desktop, so they are left out: a, b
";
        assert_eq!(draft().spell(), format!("{OPENING}{expected}"));
    }

    #[test]
    fn what_is_spelled_is_read_as_it_was_meant() {
        let config = read(&draft().spell()).map_err(|error| error.causes()).unwrap();
        assert_eq!(config.warnings, [""; 0]);
        assert_eq!(config.pair("mbreminder").unwrap().cloud, table("public", "reminder"));
        let odd = config.pairs.last().unwrap();
        assert_eq!(odd.desktop, table("Old \u{e9}", "say \"x\""));
        assert_eq!((odd.cloud.clone(), &odd.owned_by_cloud), (table("public", "x${y}"), &None));
    }
}

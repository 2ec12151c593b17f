//! Which of several desktops something in the cloud belongs to.
//!
//! One cloud may serve many desktops. What pgsync keeps there (watermarks,
//! rejects, runs, own writes) is kept apart by the desktop's name. Knows
//! neither the configuration nor a database.

/// A desktop's name in the cloud; without one, the only desktop there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Branch(String);

impl Branch {
    /// A desktop among several. The name holds no slash.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Empty where there is only one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The name under which our own tables keep a table: `chennai/jobshead`.
    #[must_use]
    pub fn ledger(&self, table: &str) -> String {
        if self.0.is_empty() { table.to_owned() } else { format!("{}/{table}", self.0) }
    }

    /// The table that is kept under a name; `None` where it is another
    /// desktop's.
    #[must_use]
    pub fn table_in<'a>(&self, ledger: &'a str) -> Option<&'a str> {
        if self.0.is_empty() {
            return Some(ledger);
        }
        ledger.strip_prefix(&self.0)?.strip_prefix('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_desktop_has_names_of_its_own() {
        let chennai = Branch::named("chennai");
        assert_eq!(chennai.ledger("jobshead"), "chennai/jobshead");
        assert_eq!(chennai.table_in("chennai/jobshead"), Some("jobshead"));
        assert_eq!(chennai.table_in("chennai2/jobshead"), None);
        assert_eq!(chennai.table_in("jobshead"), None);
        assert_eq!(Branch::default().ledger("jobshead"), "jobshead");
        assert_eq!(Branch::default().table_in("jobshead"), Some("jobshead"));
    }
}

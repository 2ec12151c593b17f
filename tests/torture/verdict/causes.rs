//! A reject goes by itself once its cause is mended or its row is gone.

use crate::found::Reject;
use crate::tables::{Table, is_flawed};
use crate::verdict::{Evidence, Fault, Finding};

impl Evidence<'_> {
    pub(super) fn causes(&self) -> Vec<Finding> {
        let rejects = self.desktop.rejects.iter().chain(&self.cloud.rejects);
        let stale = rejects.filter(|reject| !self.has_a_cause(reject));
        stale.map(|reject| (Fault::Stale, format!("{reject:?}"))).collect()
    }

    fn has_a_cause(&self, reject: &Reject) -> bool {
        let source = if reject.direction == "reverse" { self.cloud } else { self.desktop };
        let table = reject.table;
        let mut rows = source.rows(table).iter();
        match (reject.reason.as_str(), reject.key) {
            ("no key", _) => {
                rows.any(|row| row.key.is_none() && Some(&row.uid) == reject.uid.as_ref())
            }
            ("duplicate key", Some(key)) => source.with_key(table, key).count() > 1,
            ("key conflict", Some(key)) => {
                let mut phones = self.cloud.with_key(table, key).filter(|row| row.phone);
                phones
                    .any(|phone| self.desktop.with_key(table, key).any(|row| row.uid != phone.uid))
            }
            // A key comes in whole or not at all, so any row of it will do.
            (_, key) => rows.any(|row| {
                let orphaned = row.parent.is_some_and(|client| {
                    self.cloud.with_key(Table::Client, client).next().is_none()
                });
                let meant =
                    Some(&row.uid) == reject.uid.as_ref() || (key.is_some() && row.key == key);
                meant && (is_flawed(&row.ver) || orphaned)
            }),
        }
    }
}

//! The firm's tables that hold rows, parents before children, and who writes their rows.

use super::lines::{Column, Lines};
use super::stamps;
use super::{diary, jobs, masters, reminders, tasks};
use crate::programs::Side;

pub struct Table {
    desktop: &'static str,
    cloud: &'static str,
    columns: &'static [Column],
    write: fn(Side, &mut Lines),
}

impl Table {
    pub fn name(&self, side: Side) -> &'static str {
        match side {
            Side::Cloud => self.cloud,
            Side::Desktop => self.desktop,
        }
    }

    /// This side's columns, in the order of the rows' cells.
    pub fn columns(&self, side: Side) -> Vec<&'static str> {
        self.all_columns().iter().filter(|(_, on)| on.has(side)).map(|(name, _)| *name).collect()
    }

    /// All rows of this side, the same every time.
    pub fn lines(&self, side: Side) -> Lines {
        let mut lines = Lines::new(&self.all_columns(), side);
        (self.write)(side, &mut lines);
        lines
    }

    fn all_columns(&self) -> Vec<Column> {
        [self.columns, &stamps::COLUMNS].concat()
    }
}

const fn table(
    desktop: &'static str,
    cloud: &'static str,
    columns: &'static [Column],
    write: fn(Side, &mut Lines),
) -> Table {
    Table { desktop, cloud, columns, write }
}

pub const TABLES: [Table; 12] = [
    table("orgmaster", "orgmaster", masters::ORG_COLUMNS, masters::orgs),
    table("locmaster", "locmaster", masters::LOC_COLUMNS, masters::locs),
    table("conmaster", "conmaster", masters::CON_COLUMNS, masters::cons),
    table("climaster", "climaster", masters::CLI_COLUMNS, masters::clients),
    table("mbstaff", "mbstaff", masters::STAFF_COLUMNS, masters::staff),
    table("jobshead", "jobshead", jobs::COLUMNS, jobs::write),
    table("jobtasks", "jobtasks", tasks::COLUMNS, tasks::write),
    table("taskchecklist", "taskchecklist", tasks::CHECK_COLUMNS, tasks::checklists),
    table("workdiary", "workdiary", diary::COLUMNS, diary::write),
    table("mbreminder", "reminder", reminders::COLUMNS, reminders::write),
    table("mbremdetail", "remdetail", reminders::DETAIL_COLUMNS, reminders::details),
    table("learequest", "learequest", reminders::LEAVE_COLUMNS, reminders::leave_requests),
];

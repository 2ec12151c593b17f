//! DECIDE: catalogs and configuration to table plans. Pure.
//!
//! - [`cursor`]: which rows are new, and why it is thought so
//! - [`columns`]: which column goes where
//! - [`constraints`]: which of the target's rules can be asked beforehand
//! - [`division`]: into which buckets a comparison cuts the keys
//! - [`loss`]: which values a type takes, but does not keep whole
//! - [`order`]: parents before children
//! - [`standing`]: what a mirror may take for granted
//! - [`questions`]: what of a pair's rows is worth knowing before a run
//! - [`verification`]: what a verification compares
//! - [`work`]: what a survey's counts mean

pub mod columns;
pub mod constraints;
pub mod cursor;
pub mod division;
pub mod loss;
pub mod order;
pub mod questions;
pub mod standing;
pub mod verification;
pub mod work;

use crate::branch::Branch;
use crate::config::{CursorChoice, Limits, Mode, OnDuplicate, Rules, Share};
use crate::db::catalog::{self, Kind, Table};
use crate::db::sql::changed::{Changed, Echoes, WRITTEN_HERE};
use crate::db::sql::loose::Length;
use crate::db::sql::mapping::{Comparison, Existence, Form, KeyColumn, Mapping, View};
use crate::db::sql::refusal::Constraints;
use crate::engine::plan::cursor::{How, Meeting, Reading, Situation, TransactionIds, USUAL_COLUMN};
use crate::engine::plan::standing::{Content, LastEqual, content, last_equal};
use crate::engine::read_point::{Ledger, ReadPoint};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::ident::{Ident, TableName, literal};
use crate::metadata::watermark::{Horizon, Watermark};

/// A table pair as one direction sees it.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The name under which our tables and the reader know it.
    pub name: String,
    pub source: TableName,
    pub target: TableName,
    /// Empty: the primary key of either side.
    pub key: Vec<Ident>,
    /// Which source rows belong to the source alone: a closed SQL expression.
    pub owned_by_source: Option<String>,
    /// Which target rows belong to the target alone: a closed SQL expression.
    pub owned_by_target: Option<String>,
    pub rules: Rules,
}

/// A pair with everything decided that can be decided before rows are counted.
#[derive(Debug, Clone)]
pub struct TablePlan {
    pub name: String,
    pub mapping: Mapping,
    pub mode: Mode,
    pub on_duplicate: OnDuplicate,
    pub max_delete: Share,
    pub changed: Changed,
    pub how: How,
    /// How both sides stood when they were last the same; only where that can
    /// still be told.
    pub last_equal: Option<LastEqual>,
    pub content: Content,
    /// What the last checkpoint writes.
    pub horizon: Horizon,
    /// Keys of rejects, which are looked at in any case.
    pub again: Vec<String>,
    /// Target columns whose own sequence has to follow.
    pub sequences: Vec<(Ident, TableName)>,
    /// Source columns that have no place on the target.
    pub left_out: Vec<String>,
    pub parents: Vec<TableName>,
    /// The target's rules that staged rows can be held against.
    pub constraints: Constraints,
    /// Columns that take only so many letters.
    pub lengths: Vec<Length>,
    pub triggers: Triggers,
    pub slicing: Slicing,
    /// Size of the source in pages of 8 KiB.
    pub pages: u64,
    pub layout: Layout,
    pub key_ranges: KeyRanges,
}

/// Whether the target may do something else with a row than to keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Triggers {
    None,
    /// A trigger could drop a row or change its key: keys are looked for
    /// after the insert.
    OnInsert,
}

impl TablePlan {
    /// About how many rows make a checkpoint.
    ///
    /// A table that points to itself takes all of them in one: a row may point
    /// to any other, and would be refused if that one came in a later chunk.
    /// So does one whose keys may meet, since no cut lies between them.
    #[must_use]
    pub fn chunk_rows(&self, limits: Limits) -> u64 {
        let whole = self.points_to_itself() || self.keys_may_meet();
        if whole { u64::MAX } else { limits.chunk_rows }
    }

    /// Whether a row of the target may point to another of the same table.
    #[must_use]
    pub fn points_to_itself(&self) -> bool {
        self.parents.contains(&self.mapping.target)
    }

    /// Whether keys that differ on the source may be equal to the target's
    /// type: the texts 7 and 07 to a number, `a` and `a ` to a `char(2)`.
    #[must_use]
    pub fn keys_may_meet(&self) -> bool {
        keys_may_meet(self.mode, &self.mapping)
    }
}

fn keys_may_meet(mode: Mode, mapping: &Mapping) -> bool {
    mode == Mode::Upsert && mapping.key.iter().any(types_differ)
}

/// Whether the sides' types of a key column may disagree about what is equal.
fn types_differ(key: &KeyColumn) -> bool {
    const TEXTS: [&str; 2] = ["text", "character varying"];
    let are_texts = TEXTS.contains(&&*key.source_type) && TEXTS.contains(&&*key.staged_type);
    key.form == Form::Text && key.source_type != key.staged_type && !are_texts
}

/// What the source offers to cut it into slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slicing {
    /// Keys are unique and rows lie in pages: any cut is between keys.
    ByPage { pages: u64 },
    /// Only the key's hash keeps equal keys together.
    ByBucket,
}

/// Where the source's rows lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// In the pages of one table, so that some of them can be asked for.
    OneHeap,
    /// In partitions, or who knows where.
    Other,
}

/// Whether the source finds ranges of the key by an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRanges {
    /// The key is one whole number, and an index begins with it.
    Indexed,
    Unindexed,
}

/// What a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub source: &'a Table,
    pub target: &'a Table,
    pub point: &'a ReadPoint,
    pub reading: Reading,
    pub watermark: Option<&'a Watermark>,
    /// Keys of the pair's rejects.
    pub rejected: &'a [String],
    /// Whose records on the target are ours.
    pub branch: &'a Branch,
}

/// Plans one pair.
///
/// # Errors
/// When columns or key do not fit, in a sentence with a hint.
pub fn table(pair: &Pair, facts: Facts<'_>) -> Result<TablePlan> {
    check_name(pair, facts.branch)?;
    let columns::Columns { mut mapping, left_out } =
        columns::map(pair, facts.source, facts.target)?;
    let transaction_ids = transaction_ids(facts.source);
    mapping.branch = facts.branch.clone();
    complete(&mut mapping, pair, facts.point, transaction_ids);
    let horizon = Horizon {
        xid: facts.point.horizon,
        timestamp: facts.point.clock.clone(),
        identity: identity(facts.point, facts.source),
        mapping: describe(&mapping, &pair.rules),
    };
    let column = cursor_column(&pair.rules.cursor, facts.source);
    let (changed, how) = cursor::choose(&Situation {
        reading: facts.reading,
        choice: &pair.rules.cursor,
        lookback: pair.rules.lookback,
        column: column.as_ref(),
        transaction_ids,
        meeting: if keys_may_meet(pair.rules.mode, &mapping) {
            Meeting::Possible
        } else {
            Meeting::Impossible
        },
        echoes: facts.point.echoes,
        watermark: facts.watermark,
        now: &horizon,
        next_xid: facts.point.next_xid,
        pages: facts.source.pages,
    });
    let (changed, last_equal) = match pair.rules.mode {
        Mode::Mirror => (Changed::Everything, last_equal(&changed, facts.watermark)),
        Mode::Off | Mode::InsertMissing | Mode::Upsert => (changed, None),
    };
    Ok(TablePlan {
        name: pair.name.clone(),
        mode: pair.rules.mode,
        on_duplicate: pair.rules.on_duplicate.clone(),
        max_delete: pair.rules.max_delete,
        last_equal,
        content: content(&mapping, pair, facts.source),
        changed,
        how,
        horizon,
        again: facts.rejected.to_vec(),
        sequences: sequences(&mapping, facts.target),
        left_out,
        parents: parents(facts.target),
        constraints: constraints::of(&mapping, facts.target),
        lengths: constraints::lengths(&mapping, facts.target),
        triggers: if facts.target.insert_trigger { Triggers::OnInsert } else { Triggers::None },
        slicing: slicing(&mapping, facts.source),
        pages: facts.source.pages,
        layout: if is_alone(facts.source) && transaction_ids == TransactionIds::Usable {
            Layout::OneHeap
        } else {
            Layout::Other
        },
        key_ranges: key_ranges(&mapping, facts.source),
        mapping,
    })
}

/// Adds to a mapping what only the source's own tables can say.
fn complete(mapping: &mut Mapping, pair: &Pair, point: &ReadPoint, ids: TransactionIds) {
    if pair.rules.mode == Mode::Upsert && point.ledger == Ledger::Readable {
        mapping.came_back = Some(format!(
            "({} in (select d.key from pgsync.delivered_keys as d where d.table_name = {}))",
            mapping.key_text(View::Source),
            literal(&pair.source.to_string())
        ));
    }
    // Rows that the other direction wrote here are the target's own; by
    // content they would look like new ones.
    let echoes = point.echoes == Echoes::LeftOut && ids == TransactionIds::Usable;
    if pair.rules.mode == Mode::Mirror && echoes {
        let ours = format!(
            "xmin not in (select own.xid::xid from pgsync.own_writes as own where {WRITTEN_HERE})"
        );
        mapping.scope = Some(match mapping.scope.take() {
            Some(scope) => format!("({scope} and {ours})"),
            None => format!("({ours})"),
        });
    }
}

/// What our own tables keep of a name; their `varchar(100)` is older than we.
const LONGEST_NAME: usize = 100;

fn check_name(pair: &Pair, branch: &Branch) -> Result<()> {
    if branch.ledger(&pair.name).chars().count() <= LONGEST_NAME {
        return Ok(());
    }
    let error = Error::new(ErrorKind::Table, format!("could not plan table {}", pair.name));
    Err(error
        .because_text(format!("schema and table together are longer than {LONGEST_NAME} letters"))
        .hint("give the table or its schema a shorter name"))
}

/// The column that a pair goes by where transaction ids are of no use.
#[must_use]
pub fn cursor_column(choice: &CursorChoice, source: &Table) -> Option<Ident> {
    match choice {
        CursorChoice::Column(column) => Some(column.clone()),
        CursorChoice::Auto | CursorChoice::Reconcile => {
            source.column(USUAL_COLUMN).and_then(|column| Ident::new(&column.name).ok())
        }
    }
}

/// `xmin` is worth something in heap tables only, and only where every part
/// of the table is one.
#[must_use]
pub fn transaction_ids(source: &Table) -> TransactionIds {
    let heap = source.leaves.iter().all(|leaf| {
        matches!(leaf.kind, Kind::Table | Kind::MaterializedView)
            && leaf.access_method.as_deref() == Some("heap")
    });
    if heap { TransactionIds::Usable } else { TransactionIds::Missing }
}

/// Which server, database and relations a horizon belongs to.
fn identity(point: &ReadPoint, source: &Table) -> String {
    let mut relations = vec![source.oid.to_string()];
    relations.extend(source.leaves.iter().map(|leaf| leaf.oid.to_string()));
    relations.dedup();
    format!("{};relation {}", point.identity, relations.join(","))
}

/// Columns, key and filter, as the watermark remembers them.
fn describe(mapping: &Mapping, rules: &Rules) -> String {
    let key: Vec<&str> = mapping.key.iter().map(|key| key.source.as_str()).collect();
    let columns: Vec<String> = mapping
        .columns
        .iter()
        .map(|column| format!("{} = {}", column.target.sql(), column.source))
        .collect();
    let filter = rules.filter.as_ref().map_or("all rows", |filter| filter.as_str());
    let protected = mapping.protected.as_deref().unwrap_or("nothing");
    format!("{} from {} where {filter}", columns.join(", "), mapping.source.sql())
        + &format!(" by {} ({:?}, {:?})", key.join(", "), mapping.existence, mapping.comparison)
        + &format!(", protecting {protected}")
}

/// The sequence of a column that holds more than its number (`'A' || nextval`)
/// is left alone: its highest value says nothing.
fn sequences(mapping: &Mapping, target: &Table) -> Vec<(Ident, TableName)> {
    const NUMBERS: [&str; 4] = ["int2", "int4", "int8", "numeric"];
    let is_number = |column: &&catalog::Column| {
        column.plain_builtin.as_deref().is_some_and(|name| NUMBERS.contains(&name))
    };
    let written = mapping.columns.iter().map(|column| &column.target);
    written
        .filter_map(|name| {
            let column = target.column(name.as_str()).filter(is_number)?;
            let (schema, sequence) = column.sequence.as_ref()?;
            let sequence =
                TableName { schema: Ident::new(schema).ok()?, table: Ident::new(sequence).ok()? };
            Some((name.clone(), sequence))
        })
        .collect()
}

fn parents(target: &Table) -> Vec<TableName> {
    target.foreign_keys.iter().filter_map(|key| constraints::table_name(&key.parent)).collect()
}

/// Pages keep their rows together for the length of our snapshot, but only a
/// unique key makes sure that no key lies in two of them.
fn slicing(mapping: &Mapping, source: &Table) -> Slicing {
    let key: Vec<&str> = source
        .columns
        .iter()
        .filter(|column| {
            let quoted = Ident::new(&column.name).map(|name| name.sql());
            quoted.is_ok_and(|sql| mapping.key.iter().any(|key| key.source == sql))
        })
        .map(|column| column.name.as_str())
        .collect();
    let unique = key.len() == mapping.key.len() && source.is_unique_over(&key);
    let in_table = mapping.existence == Existence::InTable;
    if is_alone(source) && unique && in_table && source.pages > 0 {
        Slicing::ByPage { pages: source.pages }
    } else {
        Slicing::ByBucket
    }
}

fn key_ranges(mapping: &Mapping, source: &Table) -> KeyRanges {
    let [key] = mapping.key.as_slice() else { return KeyRanges::Unindexed };
    let leads = |index: &catalog::UniqueIndex| {
        let column = index.columns.first().and_then(|name| Ident::new(name).ok());
        column.is_some_and(|column| column.sql() == key.source)
    };
    let by_key = mapping.comparison != Comparison::Rows && key.form == Form::Integer;
    if by_key && is_alone(source) && source.unique_indexes.iter().any(leads) {
        KeyRanges::Indexed
    } else {
        KeyRanges::Unindexed
    }
}

/// Whether the table itself holds all of its rows.
fn is_alone(table: &Table) -> bool {
    matches!(table.leaves.as_slice(), [leaf] if leaf.oid == table.oid)
}

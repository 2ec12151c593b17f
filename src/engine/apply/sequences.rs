//! Serial and identity columns: their sequence follows the rows, so that the
//! application's next row does not meet a number that is taken.

use crate::db::sql::sequence::{draw_from_sequence, sequence_gap, set_sequence};
use crate::engine::apply::{Job, Step};
use crate::engine::target::Ending;
use crate::engine::trouble::Trouble;
use crate::ident::{Ident, TableName};

/// Up to this gap values are drawn one by one, which can never move a sequence
/// down. Past it the sequence is set, which could, if somebody drew that many
/// values in the same instant.
const DRAWN_ONE_BY_ONE: i64 = 10_000;

impl Job<'_> {
    /// Moves every sequence of a written column up to the highest value.
    ///
    /// Sequences do not take part in transactions, so a dry run leaves them.
    pub(super) async fn raise_sequences(&mut self) -> Step<()> {
        if self.target.ending != Ending::Commit {
            return Ok(());
        }
        let plan = self.plan;
        for (column, sequence) in &plan.sequences {
            self.raise(column, sequence).await?;
        }
        Ok(())
    }

    async fn raise(&mut self, column: &Ident, sequence: &TableName) -> Step<()> {
        let row = self.ask_target(&sequence_gap(&self.plan.mapping, column, sequence)).await?;
        let number =
            |index| row.number::<i64>(index).map_err(Trouble::target("read the sequence of"));
        if row.get(0).is_none() {
            return Ok(());
        }
        let (highest, last) = (number(0)?, number(1)?);
        let handed_out = if row.flag(2) { last } else { last - 1 };
        let gap = highest.saturating_sub(handed_out);
        let statement = match u64::try_from(gap) {
            Err(_) | Ok(0) => return Ok(()),
            Ok(count) if gap <= DRAWN_ONE_BY_ONE => draw_from_sequence(sequence, count),
            Ok(_) => set_sequence(sequence, highest),
        };
        self.ask_target(&statement).await.map(drop)
    }
}

//! A plan for every pair, from both sides' catalogs and the watermarks, in the
//! order in which they are carried out.
//!
//! Writes nothing: a pair that cannot be planned is an outcome like any other.

use crate::engine::event::Event;
use crate::engine::plan::cursor::How;
use crate::engine::plan::order::parents_first;
use crate::engine::plan::{self, Facts, Pair, TablePlan};
use crate::engine::run::Run;
use crate::engine::shapes::{self, Tables};
use crate::error::Result;
use crate::failpoint::{self, Point};
use crate::metadata::watermark::{self, Watermarks};
use crate::metadata::{ledger, not_read};
use std::collections::HashMap;

impl Run<'_> {
    pub(in crate::engine) async fn plan(&mut self, pairs: &[Pair]) -> Result<Vec<TablePlan>> {
        let shapes = shapes::read(self.source, self.target, pairs).await?;
        failpoint::at(Point::CatalogsRead);
        let (watermarks, rejected) = self.read_metadata().await?;
        let mut plans = Vec::new();
        for (pair, tables) in pairs.iter().zip(shapes) {
            let known = rejected.get(&pair.name).map_or(&[][..], Vec::as_slice);
            let plan = self.plan_pair(pair, tables, watermarks.get(&pair.name), known);
            match plan {
                Ok(plan) => plans.push(plan),
                Err(error) => self.not_planned(pair, error).await,
            }
        }
        Ok(plans)
    }

    async fn read_metadata(&mut self) -> Result<(Watermarks, HashMap<String, Vec<String>>)> {
        if !self.target.ending.has_metadata() {
            return Ok((Watermarks::new(), HashMap::new()));
        }
        let direction = self.settings.direction;
        let side = self.target.side;
        let session = &mut self.target.session;
        let refused = |failure| not_read(side, failure);
        let watermarks = watermark::read(session, direction).await.map_err(refused)?;
        let rejected = ledger::rejected_keys(session, direction).await.map_err(refused)?;
        Ok((watermarks, rejected))
    }

    fn plan_pair(
        &self,
        pair: &Pair,
        tables: Tables,
        watermark: Option<&watermark::Watermark>,
        rejected: &[String],
    ) -> Result<TablePlan> {
        let (source, target) = tables?;
        let facts = Facts {
            source: &source,
            target: &target,
            point: &self.source.point,
            reading: self.settings.reading,
            watermark,
            rejected,
            branch: self.target.session.branch(),
        };
        let plan = plan::table(pair, facts)?;
        self.tell_left_out(&plan);
        Ok(plan)
    }

    fn tell_left_out(&self, plan: &TablePlan) {
        if !plan.left_out.is_empty() {
            self.observer.hear(Event::LeftOut { table: &plan.name, columns: &plan.left_out });
        }
        if matches!(plan.how, How::Since { .. }) {
            self.observer.hear(Event::Warning(&format!(
                "{}: read by {}; a row that is stamped or committed late can be missed",
                plan.name, plan.how
            )));
        }
    }

    pub(super) fn in_order(&self, plans: Vec<TablePlan>) -> Vec<TablePlan> {
        let tables: Vec<_> =
            plans.iter().map(|plan| (plan.mapping.target.clone(), plan.parents.clone())).collect();
        let order = parents_first(&tables);
        if !order.cycle.is_empty() {
            let names: Vec<String> = order.cycle.iter().map(ToString::to_string).collect();
            self.observer.hear(Event::Warning(&format!(
                "the foreign keys of {} point to each other in a circle; they keep the order of \
                 the configuration",
                names.join(", ")
            )));
        }
        let mut plans: Vec<Option<TablePlan>> = plans.into_iter().map(Some).collect();
        order.positions.iter().filter_map(|&at| plans.get_mut(at)?.take()).collect()
    }
}

//! What was done to the program, and what came of it, in numbers.

use crate::verdict::{FAULTS, Fault, Finding};
use pgsync::failpoint;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Default, Clone)]
pub struct Tally {
    pub histories: u64,
    /// What the writers did, and what befell the runs, by name.
    pub deeds: BTreeMap<&'static str, u64>,
    pub faults: BTreeMap<&'static str, u64>,
    /// Runs by direction and how they ended.
    pub runs: BTreeMap<(&'static str, String), u64>,
    /// How often a run came by a step, and how often it was killed there.
    pub steps: BTreeMap<String, (u64, u64)>,
    pub findings: BTreeMap<Fault, u64>,
}

impl Tally {
    pub fn deed(&mut self, name: &'static str) {
        *self.deeds.entry(name).or_default() += 1;
    }

    pub fn fault(&mut self, name: &'static str) {
        *self.faults.entry(name).or_default() += 1;
    }

    pub fn run(&mut self, direction: &'static str, ending: String) {
        *self.runs.entry((direction, ending)).or_default() += 1;
    }

    pub fn passed(&mut self, step: &str) {
        self.steps.entry(step.to_owned()).or_default().0 += 1;
    }

    pub fn killed(&mut self, step: &str) {
        self.steps.entry(step.to_owned()).or_default().1 += 1;
    }

    pub fn judged(&mut self, findings: &[Finding]) {
        self.histories += 1;
        for (fault, _) in findings {
            *self.findings.entry(*fault).or_default() += 1;
        }
    }

    pub fn found(&self, fault: Fault) -> u64 {
        self.findings.get(&fault).copied().unwrap_or(0)
    }

    pub fn add(&mut self, other: &Self) {
        self.histories += other.histories;
        merge(&mut self.deeds, &other.deeds);
        merge(&mut self.faults, &other.faults);
        merge(&mut self.runs, &other.runs);
        merge(&mut self.findings, &other.findings);
        for (step, (passed, killed)) in &other.steps {
            let sum = self.steps.entry(step.clone()).or_default();
            sum.0 += passed;
            sum.1 += killed;
        }
    }

    pub fn print(&self, elapsed: Duration) {
        println!("\nhistories run{:>31}", self.histories);
        for fault in FAULTS {
            println!("{:<32}{:>12}", fault.name(), self.found(fault));
        }
        section("what the writers did", &self.deeds);
        section("faults injected", &self.faults);
        println!("\nruns by their end");
        for ((direction, ending), runs) in &self.runs {
            println!("  {:<30}{runs:>12}", format!("{direction} {ending}"));
        }
        self.print_steps();
        println!("\n{:.0} s", elapsed.as_secs_f64());
    }

    fn print_steps(&self) {
        println!("\nfailpoint                             passed      killed");
        for point in failpoint::ALL {
            let (passed, killed) = self.steps.get(point.name()).copied().unwrap_or((0, 0));
            println!("  {:<30}{passed:>12}{killed:>12}", point.name());
        }
    }
}

fn merge<K: Clone + Ord>(into: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (name, count) in from {
        *into.entry(name.clone()).or_default() += count;
    }
}

fn section(title: &str, counts: &BTreeMap<&'static str, u64>) {
    println!("\n{title}");
    for (name, count) in counts {
        println!("  {name:<30}{count:>12}");
    }
}

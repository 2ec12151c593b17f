//! The picture that the README opens with: `cargo run --release --example record`
//!
//! Runs the program on two throw-away servers with the firm's data, as the demo
//! does, and writes what it said to docs/run.svg, line by line as a terminal
//! would show it. The two ports, which are others every time, are written as
//! 5433 and 5432; nothing else is touched up.

#![allow(clippy::print_stdout, reason = "it says where the picture is")]

use anyhow::{Context as _, Result};
use clap::Parser as _;
use pgsync::cli::Cli;
use pgsync::commands;
use pgsync::report::Report;
use pgsync_testkit::Pair;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const SHIPPED: &str = include_str!("../config/pgsync.toml");
const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/run.svg");

/// Set where this program is to be the program that it records.
const IS_PGSYNC: &str = "PGSYNC_RECORD_RUNS_PGSYNC";

#[tokio::main]
async fn main() -> Result<()> {
    if std::env::var_os(IS_PGSYNC).is_some() {
        let cli = Cli::parse();
        let exit = commands::run(&cli, &Report::new(&cli.output)).await;
        std::process::exit(exit.code());
    }
    let mut stage = Stage::prepare().await?;
    stage.shows("pgsync reverse")?;
    stage.says("The phones add two jobs and a reminder.");
    stage.pair.cloud.run(PHONES).await;
    stage.shows("pgsync reverse jobshead mbreminder")?;
    stage.says("The office edits two clients.");
    stage.pair.desktop.run(OFFICE).await;
    stage.shows("pgsync forward climaster --dry-run")?;
    stage.shows("pgsync forward")?;
    stage.shows("pgsync status --quiet")?;
    let picture = picture(&stage.lines)?;
    std::fs::write(PICTURE, &picture).with_context(|| format!("could not write {PICTURE}"))?;
    println!("wrote {PICTURE}: {} lines, {} bytes", stage.lines.len(), picture.len());
    Ok(())
}

/// The two databases, and what a terminal has shown so far.
struct Stage {
    pair: Pair,
    folder: TempDir,
    lines: Vec<Line>,
}

struct Line {
    text: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Command,
    Comment,
    Output,
    /// The last line of a run.
    Result,
}

impl Stage {
    async fn prepare() -> Result<Self> {
        let pair = Pair::firm().await;
        let folder = tempfile::tempdir()?;
        let addresses = SHIPPED
            .replace("${DESKTOP_DATABASE_URL}", &pair.desktop.url())
            .replace("${CLOUD_DATABASE_URL}", &pair.cloud.url());
        std::fs::write(folder.path().join("pgsync.toml"), addresses)?;
        let stage = Self { pair, folder, lines: Vec::new() };
        stage.run("init-metadata")?;
        Ok(stage)
    }

    /// Runs a command to its good end. What it says on both ways comes in the
    /// order in which a terminal would show it.
    fn run(&self, command: &str) -> Result<String> {
        let (mut both, ends) = std::io::pipe()?;
        let mut program = Command::new(std::env::current_exe()?);
        program
            .args(command.split_whitespace())
            .args([Path::new("--config"), &self.folder.path().join("pgsync.toml")])
            .env(IS_PGSYNC, "1")
            .stdout(ends.try_clone()?)
            .stderr(ends);
        let mut running = program.spawn()?;
        drop(program);
        let mut told = String::new();
        both.read_to_string(&mut told)?;
        let ended = running.wait()?;
        anyhow::ensure!(ended.success(), "pgsync {command} ended badly:\n{told}");
        Ok(told)
    }

    fn shows(&mut self, command: &str) -> Result<()> {
        let told = self.run(command.trim_start_matches("pgsync "))?;
        self.line(&format!("$ {command}"), Kind::Command);
        for text in told.lines() {
            let kind = if is_result(text) { Kind::Result } else { Kind::Output };
            self.line(&self.with_usual_ports(text), kind);
        }
        self.line("", Kind::Output);
        Ok(())
    }

    fn says(&mut self, comment: &str) {
        self.line(&format!("# {comment}"), Kind::Comment);
        self.line("", Kind::Output);
    }

    fn line(&mut self, text: &str, kind: Kind) {
        self.lines.push(Line { text: text.to_owned(), kind });
    }

    fn with_usual_ports(&self, text: &str) -> String {
        let sides = [(&self.pair.desktop, "5433/desktop"), (&self.pair.cloud, "5432/cloud")];
        sides.iter().fold(text.to_owned(), |text, (db, usual)| {
            let url = db.url();
            let own = url.rsplit(':').next().unwrap_or_default();
            text.replace(own, usual)
        })
    }
}

fn is_result(text: &str) -> bool {
    text.starts_with("done: ") || text.starts_with("All is well")
}

const PHONES: &str = "
insert into jobshead (org_id, con_id, loc_id, job_id, client_id, work_desc, source)
select 1, 0, 1, id, min(client_id), 'made on a phone', 'M'
from climaster, generate_series(90010, 90011) as id group by id;
insert into reminder (rem_id, org_id, loc_id, year_id, staff_id, remtitle, source)
select 90010, 1, 1, 2025, min(staff_id), 'call the client', 'M' from mbstaff";

const OFFICE: &str = "
update climaster set clientname = left(clientname, 70) || ' and Sons'
where client_id in (select client_id from climaster order by 1 limit 2)";

/// How many lines the window holds, and how high each is.
const ROWS: usize = 26;
const LINE: usize = 18;
const TOP: usize = 44;
/// The width of a letter, in hundredths of a pixel.
const LETTER: usize = 783;

/// When each line appears, and when the film begins anew, in milliseconds.
fn schedule(lines: &[Line]) -> (Vec<usize>, usize) {
    let mut now = 400;
    let mut at = Vec::new();
    for line in lines {
        now += match line.kind {
            Kind::Command | Kind::Comment => 1_500,
            Kind::Output => 70,
            Kind::Result => 400,
        };
        at.push(now);
        now += match line.kind {
            Kind::Result => 2_000,
            Kind::Command => 500,
            Kind::Comment | Kind::Output => 0,
        };
    }
    (at, now + 6_000)
}

/// A window with the lines, which moves up when it is full. Without animations
/// it shows the first lines.
fn picture(lines: &[Line]) -> Result<String> {
    let (at, end) = schedule(lines);
    let letters = lines.iter().map(|line| line.text.len()).max().unwrap_or(0);
    let (width, height) = (letters * LETTER / 100 + 40, TOP + ROWS * LINE + 16);
    let mut svg = frame(width, height)?;
    writeln!(svg, "<style>{STYLE}")?;
    let part = |at: usize| format!("{}.{:02}%", at * 100 / end, at * 10_000 / end % 100);
    for (row, at) in at.iter().enumerate() {
        writeln!(svg, "@keyframes l{row}{{0%{{opacity:0}}{}{{opacity:1}}}}", part(*at))?;
    }
    writeln!(svg, "@keyframes up{{0%{{transform:translateY(0)}}")?;
    for (row, at) in at.iter().enumerate().skip(ROWS) {
        let moved = (row + 1 - ROWS) * LINE;
        writeln!(svg, "{}{{transform:translateY(-{moved}px)}}", part(*at))?;
    }
    let moved = lines.len().saturating_sub(ROWS) * LINE;
    writeln!(svg, "100%{{transform:translateY(-{moved}px)}}}}")?;
    writeln!(svg, ".up{{animation:up {end}ms step-end infinite}}")?;
    writeln!(svg, ".up text{{animation:{end}ms step-end infinite}}\n</style>")?;
    writeln!(svg, "<g clip-path=\"url(#window)\"><g class=\"up\">")?;
    for (row, line) in lines.iter().enumerate().filter(|(_, line)| !line.text.is_empty()) {
        let (y, class, text) = (TOP + row * LINE + 13, class(line.kind), escaped(&line.text));
        writeln!(
            svg,
            "<text x=\"20\" y=\"{y}\" class=\"{class}\" style=\"animation-name:l{row}\">{text}</text>"
        )?;
    }
    svg.push_str("</g></g>\n</svg>\n");
    anyhow::ensure!(svg.is_ascii() && svg.len() < 60_000, "not small and plain: {}", svg.len());
    Ok(svg)
}

fn frame(width: usize, height: usize) -> Result<String, std::fmt::Error> {
    let mut svg = String::new();
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>A real run of pgsync in a terminal</title>\n\
         <desc>Made by examples/record.rs; the ports of the two servers are replaced.</desc>\n\
         <defs><clipPath id=\"window\"><rect y=\"{TOP}\" width=\"{width}\" height=\"{}\"/>\
         </clipPath></defs>\n\
         <rect x=\"1\" y=\"1\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"#1b1f27\" \
         stroke=\"#7d8590\"/>\n\
         <g fill=\"#7d8590\"><circle cx=\"22\" cy=\"22\" r=\"6\"/><circle cx=\"42\" cy=\"22\" \
         r=\"6\"/><circle cx=\"62\" cy=\"22\" r=\"6\"/></g>",
        ROWS * LINE,
        width - 2,
        height - 2,
    )?;
    Ok(svg)
}

const STYLE: &str = "text{font:13px ui-monospace,Consolas,Menlo,'DejaVu Sans Mono',monospace;\
    white-space:pre;fill:#d5dae1}.c{fill:#fff;font-weight:bold}.s{fill:#e3b341}.r{fill:#56d364}\
    @media(prefers-reduced-motion:reduce){.up,.up text{animation:none!important}}";

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Command => "c",
        Kind::Comment => "s",
        Kind::Output => "o",
        Kind::Result => "r",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

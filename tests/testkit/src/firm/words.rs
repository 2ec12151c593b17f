//! What the firm's invented people, clients and jobs are called: Latin, Tamil and Devanagari
//! letters, quotes, backslashes, dashes. No real person. It must not know who bears a name.

use super::prng::Prng;

const FIRST: [&str; 24] = [
    "Ananya",
    "Bhavesh",
    "Chitra",
    "Deepak",
    "Esha",
    "Farhan",
    "Gopal",
    "Harini",
    "Irfan",
    "Jaya",
    "Karthik",
    "Lakshmi",
    "Mahesh",
    "Nisha",
    "Om",
    "Priya",
    "Ravi",
    "Sunita",
    "Tarun",
    "Uma",
    "Varun",
    "Yamini",
    "சரவணன்",
    "मीना",
];

const LAST: [&str; 18] = [
    "Agarwal",
    "Bhat",
    "Chettiar",
    "Desai",
    "Gupta",
    "Iyer",
    "Jain",
    "Kumar",
    "Menon",
    "Nair",
    "Patel",
    "Rao",
    "Shah",
    "Sharma",
    "Singh",
    "Verma",
    "D'Souza",
    "முருகன்",
];

const KIND: [&str; 13] = [
    "& Co",
    "Pvt Ltd",
    "LLP",
    "Traders",
    "Enterprises",
    "Textiles",
    "Exports",
    "Industries",
    "Foundation",
    "HUF",
    "(Regd.)",
    "\"Sri\" Stores",
    "Agencies\\Branch",
];

const WORK: [&str; 16] = [
    "ITR filing AY {y}-{z}",
    "GST GSTR-3B {m} {y}",
    "GSTR-1 {m} {y}",
    "Statutory audit FY {y}-{z}",
    "Tax audit u/s 44AB FY {y}",
    "TDS return 26Q Q{q} {y}",
    "ROC annual filing {y}",
    "Form 15CA/CB – remittance",
    "Payroll {m} {y}",
    "Stock audit — {m} {y}",
    "Net worth certificate ₹",
    "Partner's capital a/c reco",
    "Notice u/s 143(2) reply",
    "वार्षिक लेखा {y}",
    "Project report \"MSME\"",
    "Bank concurrent audit C:\\Audit\\{y}",
];

const MONTHS: [&str; 12] =
    ["Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb", "Mar"];

/// What the tasks 1, 2, 3 and so on are called.
const TASKS: [&str; 26] = [
    "Collect documents",
    "Data entry",
    "Bank reconciliation",
    "Ledger scrutiny",
    "TDS working",
    "GST reco 2A/2B",
    "Computation",
    "Draft financials",
    "Partner review",
    "Client approval",
    "E-filing",
    "Ack & dispatch",
    "Physical verification",
    "Stock count",
    "Vouching",
    "Debtors confirmation",
    "Creditors confirmation",
    "Fixed asset register",
    "Depreciation",
    "Deferred tax",
    "Notes to accounts",
    "CARO report",
    "Form 3CD",
    "Sign-off",
    "Billing",
    "Follow up",
];

/// What is written into the diary: nothing, an empty text, a tab and a line break among them.
pub const NOTES: [Option<&str>; 9] = [
    Some("Draft prepared"),
    Some("Call with client"),
    Some("Ledger scrutiny"),
    Some("GST portal down – retry"),
    Some("वाउचिंग"),
    Some("Cash book\tpage 12"),
    Some("Waiting for:\nPAN, bank statement"),
    Some(""),
    None,
];

pub fn person(random: &mut Prng) -> String {
    format!("{} {}", random.pick(&FIRST), random.pick(&LAST))
}

pub fn client(random: &mut Prng) -> String {
    format!("{} {}", person(random), random.pick(&KIND))
}

pub fn work(random: &mut Prng, year: i64) -> String {
    let (pattern, month, quarter) =
        (random.pick(&WORK), random.pick(&MONTHS), random.between(1, 5));
    if !pattern.contains('{') {
        return pattern.to_owned();
    }
    pattern
        .replace("{y}", &year.to_string())
        .replace("{z}", &format!("{:02}", (year + 1) % 100))
        .replace("{m}", month)
        .replace("{q}", &quarter.to_string())
}

pub fn task(task_id: i64) -> String {
    let known = usize::try_from(task_id - 1).ok().and_then(|place| TASKS.get(place));
    known.map_or_else(|| format!("Misc task {task_id}"), |name| (*name).to_owned())
}

//! The sections of the configuration and their keys, with what people need to
//! know of them; those of tables stand in `tables`.
//!
//! It is the text of docs/configuration.md, and no code of the parser; that
//! neither has a key that the other lacks is tested one room up.

/// A section of the file.
pub(super) struct Part {
    /// As a headline.
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    /// Where its keys stand in a file.
    pub(super) header: &'static str,
    /// What a file needs there besides, unless the example says it itself.
    pub(super) beside: &'static [&'static str],
    pub(super) keys: &'static [Key],
}

/// A key of a section.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// What kind of value.
    pub(super) kind: &'static str,
    pub(super) default: Default,
    pub(super) meaning: &'static str,
    /// A line of a file, or nothing where it is a section of its own.
    pub(super) example: &'static str,
}

/// What holds where a key is not written.
pub(super) enum Default {
    /// The same as if this were written.
    Written(&'static str),
    Words(&'static str),
    /// It has to be written.
    Needed,
}

use super::tables::{COLUMN, DEFAULTS, FORWARD, NOTIFY, REVERSE, SCHEDULE, TABLE};
use Default::{Needed, Words, Written};

/// A key that is a section of its own.
const fn section(name: &'static str, meaning: &'static str) -> Key {
    Key { name, kind: "section", default: Words("see below"), meaning, example: "" }
}

pub(super) const fn key(
    name: &'static str,
    kind: &'static str,
    default: Default,
    meaning: &'static str,
    example: &'static str,
) -> Key {
    Key { name, kind, default, meaning, example }
}

pub(super) const PARTS: &[Part] = &[
    Part {
        title: "The file",
        about: "Sections may stand in any order. What stands here stands above the first section.",
        header: "",
        beside: &["desktop_time_zone = \"UTC\""],
        keys: TOP,
    },
    Part {
        title: "`[desktop]`",
        about: "The desktop application's database: always a direct connection, because the lock \
                of a run lives in its session. A key beside the url replaces that part of it.",
        header: "[desktop]",
        beside: &["url = \"postgres://me@localhost/firm\""],
        keys: DESKTOP,
    },
    Part {
        title: "`[cloud]`",
        about: "The database that the phones work on, directly or through a pooler (Supabase's \
                ports 5432 and 6543 both work). The keys are those of `[desktop]`, without `name`.",
        header: "[cloud]",
        beside: &["url = \"postgres://me@localhost/firm\""],
        keys: CLOUD,
    },
    Part {
        title: "`[limits]`",
        about: "Bounds of one run.",
        header: "[limits]",
        beside: &[],
        keys: LIMITS,
    },
    Part {
        title: "`[retry]`",
        about: "How a run goes on after an error that passes by itself: a server that restarts, a \
                line that breaks, a table that somebody holds.",
        header: "[retry]",
        beside: &[],
        keys: RETRY,
    },
    Part {
        title: "`[log]`",
        about: "What is written down for the next morning.",
        header: "[log]",
        beside: &[],
        keys: LOG,
    },
    Part {
        title: "`[notify]`",
        about: "Which programs are started when somebody should know how a run ended.",
        header: "[notify]",
        beside: &[],
        keys: NOTIFY,
    },
    Part {
        title: "`[schedule]`",
        about: "When `pgsync schedule install` has the machine run what, by its own clock: \
                `\"every 1h\"` (what divides a day), a time, a list of times, or `\"off\"`.",
        header: "[schedule]",
        beside: &[],
        keys: SCHEDULE,
    },
    Part {
        title: "`[defaults]`",
        about: "What holds for every table that says nothing else. `[defaults.reverse]` and \
                `[defaults.forward]` may hold all keys of these sections; rules for columns of the \
                defaults and of a table are put together.",
        header: "[defaults]",
        beside: &[],
        keys: DEFAULTS,
    },
    Part {
        title: "`[tables.NAME]`",
        about: "A table on both sides: a section, or one line of `[tables]`, \
                `NAME = { key = \"job_id\", reverse = \"insert-missing\" }`. A table that is not \
                named here is not touched.",
        header: "[tables.jobshead]",
        beside: &[],
        keys: TABLE,
    },
    Part {
        title: "`[tables.NAME.reverse]`",
        about: "From the cloud to the desktop. The *source* is the cloud.",
        header: "[tables.jobshead.reverse]",
        beside: &["mode = \"insert-missing\""],
        keys: REVERSE,
    },
    Part {
        title: "`[tables.NAME.forward]`",
        about: "From the desktop to the cloud. The *source* is the desktop.",
        header: "[tables.jobshead.forward]",
        beside: &["mode = \"upsert\""],
        keys: FORWARD,
    },
    Part {
        title: "`on_duplicate` of `[tables.NAME.forward]`",
        about: "As a section, or `on_duplicate = { latest = \"updated_at\" }`.",
        header: "[tables.jobshead.forward]\nmode = \"upsert\"\n[tables.jobshead.forward.on_duplicate]",
        beside: &[],
        keys: &[key(
            "latest",
            "name of a column",
            Needed,
            "of the rows that share a key, the one with the highest value in this column of the \
             cloud is carried; it must be a column that is written",
            "latest = \"updated_at\"",
        )],
    },
    Part {
        title: "`columns` of `[tables.NAME.reverse]` and `[tables.NAME.forward]`",
        about: "A rule for each column that does not simply come from the column of the same name: \
                `columns = { COLUMN = RULE }`, or a section. COLUMN is the column that is written. \
                A RULE is a text, which is an SQL expression over the source's row, or one of these:",
        header: "[tables.jobshead.forward]\nmode = \"upsert\"\n[tables.jobshead.forward.columns.work_desc]",
        beside: &[],
        keys: COLUMN,
    },
];

const TOP: &[Key] = &[
    key(
        "desktop_time_zone",
        "text",
        Needed,
        "the zone in which the desktop's times without zone are meant; a full name, no abbreviation",
        "desktop_time_zone = \"Asia/Kolkata\"",
    ),
    section("desktop", "the desktop's database"),
    section("cloud", "the cloud's database"),
    section("limits", "bounds of one run"),
    section("retry", "after an error that passes"),
    section("log", "the log file"),
    section("notify", "who hears how runs end"),
    section("schedule", "when the machine runs what"),
    section("defaults", "what holds for every table that says nothing else"),
    section("tables", "the tables; needed"),
];

const NAME: Key = key(
    "name",
    "text",
    Words("none: the only desktop on this cloud"),
    "for several desktops on one cloud: the name under which the cloud keeps this one's \
     watermarks, rejects, runs and own writes apart. Up to 30 letters, digits, dashes, underscores \
     or dots. Change it and the next run compares in full. See [scaling.md](scaling.md)",
    "name = \"chennai\"",
);
const URL: Key = key(
    "url",
    "text",
    Words("none; give it, or `host` and `user`"),
    "`postgres://user:password@host:port/database`. Of the parameters, `sslmode`, `sslrootcert` and \
     `connect_timeout` (in seconds) have an effect",
    "url = \"${DESKTOP_DATABASE_URL}\"",
);
const HOST: Key = key(
    "host",
    "text",
    Words("from the url"),
    "name or address of the server, or the folder of its socket",
    "host = \"localhost\"",
);
const PORT: Key =
    key("port", "1 to 65535", Words("from the url, else 5432"), "its port", "port = 5433");
const DATABASE: Key = key(
    "database",
    "text",
    Words("from the url, else the user's name"),
    "the database",
    "database = \"enterprise_db\"",
);
const USER: Key = key("user", "text", Words("from the url"), "the role", "user = \"postgres\"");
const PASSWORD: Key = key(
    "password",
    "text",
    Words("from the url, else from a pgpass file"),
    "the password, as `${NAME}`: one that is written out is warned of",
    "password = \"${DESKTOP_PASSWORD}\"",
);
const SSLMODE: Key = key(
    "sslmode",
    "text",
    Words("`\"verify-full\"`; for this machine `\"disable\"`"),
    "`\"verify-full\"`: encrypted, right name, right certificate; `\"verify-ca\"`: any name; \
     `\"require\"`: encrypted, but anybody may answer; `\"disable\"`: plain text. `allow` and \
     `prefer` are refused",
    "sslmode = \"verify-full\"",
);
const SSLROOTCERT: Key = key(
    "sslrootcert",
    "text",
    Written("\"system\""),
    "a file with the authority's certificate, beside the system's own authorities; its path begins \
     in the folder of the configuration",
    "sslrootcert = \"certs/prod-ca-2021.crt\"",
);
const CONNECT_TIMEOUT: Key = key(
    "connect_timeout",
    "span of time",
    Written("\"10s\""),
    "how long to wait for a connection",
    "connect_timeout = \"30s\"",
);
const STATEMENT_TIMEOUT: Key = key(
    "statement_timeout",
    "span of time",
    Written("\"0\""),
    "how long one statement may take; `\"0\"`: as long as it takes",
    "statement_timeout = \"10m\"",
);
const LOCK_TIMEOUT: Key = key(
    "lock_timeout",
    "span of time",
    Written("\"10s\""),
    "how long to wait for a row or table that another program holds",
    "lock_timeout = \"1m\"",
);
const IDLE_TIMEOUT: Key = key(
    "idle_timeout",
    "span of time",
    Written("\"15s\""),
    "how long the server may say nothing while a run waits for it, before the run looks, on a \
     connection of its own, whether the server is still there",
    "idle_timeout = \"30s\"",
);

const DESKTOP: &[Key] = &[
    NAME,
    URL,
    HOST,
    PORT,
    DATABASE,
    USER,
    PASSWORD,
    SSLMODE,
    SSLROOTCERT,
    CONNECT_TIMEOUT,
    STATEMENT_TIMEOUT,
    LOCK_TIMEOUT,
    IDLE_TIMEOUT,
];

const CLOUD: &[Key] = &[
    Key { example: "url = \"${CLOUD_DATABASE_URL}\"", ..URL },
    Key { example: "host = \"db.example.com\"", ..HOST },
    Key { example: "port = 6543", ..PORT },
    Key { example: "database = \"postgres\"", ..DATABASE },
    Key { example: "user = \"postgres.PROJECT\"", ..USER },
    Key { example: "password = \"${CLOUD_PASSWORD}\"", ..PASSWORD },
    SSLMODE,
    SSLROOTCERT,
    CONNECT_TIMEOUT,
    STATEMENT_TIMEOUT,
    LOCK_TIMEOUT,
    IDLE_TIMEOUT,
];

const LIMITS: &[Key] = &[
    key(
        "chunk_rows",
        "1 to 10000000",
        Written("200000"),
        "rows that are committed at a time; a mirror's table is one transaction all the same",
        "chunk_rows = 50000",
    ),
    key(
        "max_rejects",
        "0 to 1000000000",
        Written("1000"),
        "more rejected rows than this in one table stop that table (exit code 6): then something \
         is wrong with its key or its columns, and not with single rows",
        "max_rejects = 100",
    ),
    key(
        "max_run_time",
        "span of time",
        Written("\"0\""),
        "a `reverse` or `forward` that takes longer is ended in order (exit code 130), waiting for \
         another run included; `\"0\"`: as long as it takes",
        "max_run_time = \"50m\"",
    ),
];

const RETRY: &[Key] = &[
    key(
        "attempts",
        "1 to 1000",
        Written("5"),
        "how often the same work is tried, with the first time; 1 never tries again",
        "attempts = 3",
    ),
    key(
        "first_pause",
        "span of time",
        Written("\"1s\""),
        "the first pause; each further one is about twice as long, up to half a minute",
        "first_pause = \"2s\"",
    ),
    key(
        "max_total",
        "span of time",
        Written("\"5m\""),
        "no attempt begins later than this after the first error",
        "max_total = \"15m\"",
    ),
];

const LOG: &[Key] = &[
    key(
        "file",
        "text",
        Words("none is written"),
        "the log file; its path begins in the folder of the configuration. `--log-file` goes before it",
        "file = \"pgsync.log\"",
    ),
    key(
        "max_size",
        "size",
        Written("\"10MB\""),
        "it is moved aside before it grows past this: `\"500kB\"`, `\"10MB\"`, `\"1GB\"`",
        "max_size = \"1MB\"",
    ),
    key(
        "keep",
        "0 to 1000",
        Written("5"),
        "so many of those that were moved aside stay; `pgsync.log.1` is the newest",
        "keep = 10",
    ),
];

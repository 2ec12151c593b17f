//! The keys of notices, of the schedule, of a table, and of its two directions, with what people need to know
//! of them. It is text, as the room beside it.

use super::keys::Default::{Words, Written};
use super::keys::{Key, key};

pub(super) const NOTIFY: &[Key] = &[
    key(
        "on_failure",
        "list of texts",
        Words("nobody hears it"),
        "a program and its arguments, for a run that could not do all of its work (exit code 1, 2, \
         3 or 6)",
        "on_failure = [\"curl\", \"-fsS\", \"--data-binary\", \"@-\", \"https://ntfy.sh/our-secret-topic\"]",
    ),
    key(
        "on_rejects",
        "list of texts",
        Words("nobody hears it"),
        "the same for a run that has set rows aside (exit code 4)",
        "on_rejects = [\"programs/notice.cmd\"]",
    ),
    key(
        "on_recovery",
        "list of texts",
        Words("nobody hears it"),
        "the same for a run that is fine again",
        "on_recovery = [\"programs/notice.cmd\"]",
    ),
    key(
        "format",
        "text",
        Written("\"text\""),
        "what the program gets on its standard input: `\"text\"`, or `\"json\"` ([json.md](json.md))",
        "format = \"json\"",
    ),
    key(
        "timeout",
        "span of time",
        Written("\"30s\""),
        "a program that takes longer is stopped",
        "timeout = \"10s\"",
    ),
];

pub(super) const SCHEDULE: &[Key] = &[
    key(
        "reverse",
        "text or list of texts",
        Written("\"every 1h\""),
        "`pgsync reverse`",
        "reverse = \"every 30m\"",
    ),
    key(
        "incremental",
        "text or list of texts",
        Written("[\"09:30\", \"12:30\", \"16:30\"]"),
        "`pgsync forward`",
        "incremental = [\"10:00\", \"18:00\"]",
    ),
    key(
        "full",
        "text or list of texts",
        Written("\"02:00\""),
        "`pgsync forward --full`",
        "full = \"off\"",
    ),
];

const SCHEMA: Key =
    key("schema", "text", Written("\"public\""), "the schema on both sides", "schema = \"public\"");
const DESKTOP_SCHEMA: Key = key(
    "desktop_schema",
    "text",
    Words("`schema`"),
    "the schema on the desktop",
    "desktop_schema = \"office\"",
);
const CLOUD_SCHEMA: Key = key(
    "cloud_schema",
    "text",
    Words("`schema`"),
    "the schema in the cloud",
    "cloud_schema = \"app\"",
);
const OWNED_BY_CLOUD: Key = key(
    "owned_by_cloud",
    "SQL or `false`",
    Written("false"),
    "which rows of the cloud belong to the phones, as a condition over the cloud's row. `forward` \
     never updates and never deletes them. `false` switches a default off; then `forward` takes \
     every row of the cloud for the desktop's",
    "owned_by_cloud = \"source = 'M'\"",
);
const SCOPE: Key = key(
    "scope",
    "SQL or `false`",
    Written("false"),
    "for several desktops on one cloud: a condition over columns that both sides have. Only these \
     rows are carried, in either direction, and only these rows of the cloud may be touched: a \
     mirror deletes none of the others. `false` switches a default off. See [scaling.md](scaling.md)",
    "scope = \"org_id = ${ORG_ID}\"",
);
const REVERSE_MODE: Key = key(
    "reverse",
    "text or section",
    Written("\"off\""),
    "`\"insert-missing\"`: inserts the rows whose key the desktop does not have, and touches no \
     other row; `\"off\"`; or a section, see `[tables.NAME.reverse]`",
    "reverse = \"insert-missing\"",
);
const FORWARD_MODE: Key = key(
    "forward",
    "text or section",
    Written("\"off\""),
    "`\"upsert\"`: by the key, inserts and updates, never deletes; `\"mirror\"`: the same rows on \
     both sides by their whole content, with deletes inside `max_delete`; `\"off\"`; or a section, \
     see `[tables.NAME.forward]`",
    "forward = \"upsert\"",
);

pub(super) const DEFAULTS: &[Key] =
    &[SCHEMA, DESKTOP_SCHEMA, CLOUD_SCHEMA, OWNED_BY_CLOUD, SCOPE, REVERSE_MODE, FORWARD_MODE];

pub(super) const TABLE: &[Key] = &[
    key("desktop", "text", Words("NAME"), "the table on the desktop", "desktop = \"jobshead\""),
    key("cloud", "text", Words("NAME"), "the table in the cloud", "cloud = \"jobs\""),
    SCHEMA,
    DESKTOP_SCHEMA,
    CLOUD_SCHEMA,
    key(
        "key",
        "text or list of texts",
        Words("the primary key of the desktop's table, else of the cloud's"),
        "the column, or columns, that tell rows apart. No index is needed",
        "key = [\"job_id\"]",
    ),
    OWNED_BY_CLOUD,
    SCOPE,
    REVERSE_MODE,
    FORWARD_MODE,
];

const OWN_KEY: Key = key(
    "key",
    "text or list of texts",
    Words("the table's `key`"),
    "the key for this direction alone",
    "key = \"job_id\"",
);
const WHERE: Key = key(
    "where",
    "SQL or `false`",
    Written("false"),
    "only these rows of the source. `false` switches a default off",
    "where = \"source = 'M'\"",
);
const CURSOR: Key = key(
    "cursor",
    "text",
    Written("\"auto\""),
    "how new rows are found. `\"auto\"`: by transaction numbers, else by `updated_at`, else by \
     comparing in full; `\"none\"`: by comparing in full, every time; a column's name: by that \
     column, and then rows with late stamps can be missed",
    "cursor = \"updated_at\"",
);
const LOOKBACK: Key = key(
    "lookback",
    "span of time",
    Written("\"15m\""),
    "how far a cursor column looks back behind the last run",
    "lookback = \"1h\"",
);
const COLUMNS: Key = key(
    "columns",
    "section",
    Words("by name"),
    "rules for single columns, see below",
    "columns = { work_desc = \"upper(work_desc)\", source = { skip = true } }",
);

pub(super) const REVERSE: &[Key] = &[
    key(
        "mode",
        "text",
        Words("that of the defaults; needed if there is none"),
        "`\"insert-missing\"` or `\"off\"`",
        "mode = \"insert-missing\"",
    ),
    WHERE,
    OWN_KEY,
    CURSOR,
    LOOKBACK,
    key(
        "delivered",
        "true or false",
        Written("false"),
        "`true`: the cloud makes the key, and the desktop has no column for it; pgsync remembers \
         which keys it has delivered",
        "delivered = true",
    ),
    COLUMNS,
];

pub(super) const FORWARD: &[Key] = &[
    key(
        "mode",
        "text",
        Words("that of the defaults; needed if there is none"),
        "`\"upsert\"`, `\"mirror\"` or `\"off\"`",
        "mode = \"mirror\"",
    ),
    Key {
        meaning: "only these rows of the source. A mirror deletes the copies in the cloud of what \
                  this leaves out. `false` switches a default off",
        example: "where = \"source is distinct from 'M'\"",
        ..WHERE
    },
    Key {
        meaning: "the key for this direction alone. A mirror uses it only to tell which row was \
                  changed",
        ..OWN_KEY
    },
    CURSOR,
    LOOKBACK,
    COLUMNS,
    key(
        "on_duplicate",
        "text or section",
        Written("\"reject\""),
        "for `\"upsert\"`, a key that stands on several rows of the desktop: `\"reject\"` carries \
         none of them and sets the key aside; `{ latest = \"COLUMN\" }` carries one, see below",
        "on_duplicate = \"reject\"",
    ),
    key(
        "max_delete",
        "share",
        Written("\"10%\""),
        "for `\"mirror\"`: the largest share of the desktop's rows in the cloud that one run may \
         delete, `\"0%\"` to `\"100%\"`; beyond it nothing is changed in this table (exit code 6). A \
         table that is empty on the desktop never empties the cloud's",
        "max_delete = \"2%\"",
    ),
];

pub(super) const COLUMN: &[Key] = &[
    key(
        "sql",
        "SQL",
        Words("none"),
        "an expression over the source's row, the same as a plain text",
        "sql = \"upper(work_desc)\"",
    ),
    key(
        "from",
        "text",
        Words("none"),
        "the source's column of another name",
        "from = \"old_name\"",
    ),
    key("value", "text or number", Words("none"), "a constant", "value = \"D\""),
    key("null", "true", Words("none"), "NULL", "null = true"),
    key(
        "skip",
        "true",
        Words("none"),
        "not written: the other side's own default, and what stands there stays",
        "skip = true",
    ),
];

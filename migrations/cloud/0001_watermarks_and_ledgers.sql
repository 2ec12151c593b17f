-- What pgsync keeps in the cloud. Every statement may run again, and adopts
-- what an earlier program or an administrator has made already.

create schema if not exists pgsync;
comment on schema pgsync is 'What pgsync keeps for itself; safe to read, not to change';

-- One row per cloud table: how far forward has come.
create table if not exists public._sync_metadata (
    table_name          varchar(255) primary key,
    last_sync_timestamp timestamptz not null default '1970-01-01',
    updated_at          timestamptz default now()
);
alter table public._sync_metadata
    add column if not exists last_sync_timestamp timestamptz default '1970-01-01',
    add column if not exists created_at          timestamptz default now(),
    add column if not exists updated_at          timestamptz default now(),
    add column if not exists horizon             xid8,
    add column if not exists horizon_timestamp   timestamptz,
    add column if not exists source_identity     text,
    add column if not exists mapping             text,
    add column if not exists target_horizon      xid8,
    add column if not exists target_identity     text,
    add column if not exists source_rows         bigint,
    add column if not exists target_rows         bigint,
    add column if not exists last_run_id         text,
    add column if not exists last_run_at         timestamptz,
    add column if not exists last_run_how        text,
    add column if not exists last_result         text,
    add column if not exists last_error          text,
    add column if not exists rows_checked        bigint,
    add column if not exists rows_inserted       bigint,
    add column if not exists rows_updated        bigint,
    add column if not exists rows_deleted        bigint,
    add column if not exists rows_protected      bigint,
    add column if not exists rows_rejected       bigint,
    add column if not exists seconds             double precision;
-- The schema public is exposed to the phones; this table is not for them.
alter table public._sync_metadata enable row level security;

-- Which server this is, empty where our role may not know. A database that was
-- dumped and restored elsewhere brings its records along, but not the counter
-- of transactions that they speak of.
create or replace function pgsync.server() returns text language plpgsql stable parallel safe as $$
begin
    if has_function_privilege('pg_control_system()', 'execute') then
        return (select system_identifier::text from pg_control_system());
    end if;
    return '';
end
$$;

-- The transactions in which pgsync itself wrote here; the other direction
-- leaves out row versions that carry one of these ids.
create table if not exists pgsync.own_writes (
    xid        xid8 primary key,
    run_id     text not null,
    written_at timestamptz not null default now(),
    server     text not null default pgsync.server(),
    -- Which desktop wrote, where several share a cloud.
    desktop    text not null default coalesce(current_setting('pgsync.desktop', true), '')
);
alter table pgsync.own_writes enable row level security;

-- Keys of the desktop's own rows that have been brought here. A key is the
-- text of a JSON array, e.g. ["4711"].
create table if not exists pgsync.delivered_keys (
    table_name   text not null check (table_name <> ''),
    key          text not null check (key <> ''),
    run_id       text not null,
    delivered_at timestamptz not null default now(),
    primary key (table_name, key)
);
alter table pgsync.delivered_keys enable row level security;

-- Rows that could not be brought here, each with its reason, until it is gone.
create table if not exists pgsync.rejects (
    direction  text not null check (direction in ('reverse', 'forward')),
    table_name text not null check (table_name <> ''),
    key        text not null check (key <> ''),
    -- Tells rows without a whole key apart; empty where the key is enough.
    row_hash   text not null default '',
    reason     text not null,
    sqlstate   text,
    message    text not null,
    source_row jsonb,
    target_row jsonb,
    run_id     text not null,
    first_seen timestamptz not null default now(),
    last_seen  timestamptz not null default now(),
    attempts   integer not null default 1 check (attempts > 0),
    primary key (direction, table_name, key, row_hash)
);
alter table pgsync.rejects enable row level security;

-- One row per run that wrote or could have written here.
create table if not exists pgsync.runs (
    run_id        text primary key,
    direction     text not null check (direction in ('reverse', 'forward')),
    desktop       text not null default '',
    version       text not null,
    started_at    timestamptz not null default clock_timestamp(),
    finished_at   timestamptz,
    result        text not null default 'running',
    rows_inserted bigint not null default 0,
    rows_updated  bigint not null default 0,
    rows_deleted  bigint not null default 0,
    rows_rejected bigint not null default 0,
    tables_failed integer not null default 0
);
alter table pgsync.runs enable row level security;
create index if not exists runs_started_at on pgsync.runs (started_at);

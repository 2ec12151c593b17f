-- The firm's cloud: PostgreSQL 17, UTC, schema public, as an earlier tool left it.
-- Every table has source char(1) DEFAULT 'D', created_at and updated_at as timestamptz, and a trigger that stamps updated_at at every update.
CREATE TABLE orgmaster (org_id numeric(3) PRIMARY KEY, orgname varchar(100), source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE locmaster (org_id numeric(3) NOT NULL REFERENCES orgmaster, loc_id numeric(3) PRIMARY KEY, locname varchar(100),
  source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE conmaster (org_id numeric(3) NOT NULL REFERENCES orgmaster, con_id integer PRIMARY KEY, conname varchar(60), conmail varchar(60), conphone varchar(25),
  source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE mbstaff (org_id numeric(3) NOT NULL REFERENCES orgmaster, con_id integer NOT NULL, loc_id numeric(3) NOT NULL REFERENCES locmaster, staff_id numeric(8) PRIMARY KEY,
  app_username varchar(50), app_pw varchar(50), stafftype numeric(1), name varchar(50), phonumber varchar(30), dob date, email varchar(50), whetherca varchar(10), ca_mem_no varchar(10),
  spdoj date, createdby varchar(15), createddate date, suspendedby varchar(15), suspendeddate date, revokedby varchar(15), revokeddate date, terminatedby varchar(15), terminateddate date,
  active_status numeric(1), source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(), desc_id numeric(8));
CREATE TABLE climaster (org_id numeric(3) NOT NULL REFERENCES orgmaster, con_id integer, loc_id numeric(3) NOT NULL REFERENCES locmaster, client_id numeric(7) PRIMARY KEY,
  clientname varchar(80), clientmail varchar(60), clientphone varchar(25), source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE cliunimaster (org_id numeric(3) NOT NULL REFERENCES orgmaster, con_id integer NOT NULL REFERENCES conmaster, loc_id numeric(3) NOT NULL REFERENCES locmaster,
  client_id numeric(7) NOT NULL REFERENCES climaster, cliunit_id numeric(7) PRIMARY KEY, cliunitname varchar(80), cliunitadd1 varchar(50), cliunitadd2 varchar(50), cliunitcity varchar(50),
  cliunitpin varchar(8), cliunitstate varchar(35), cliunitcountry varchar(35), clientgeolocation varchar(100), cliunitmail varchar(40), cliunitphone varchar(25), cliunitcontactname varchar(60),
  source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE taskmaster (org_id numeric(3) NOT NULL REFERENCES orgmaster, con_id integer NOT NULL REFERENCES conmaster, loc_id numeric(3) NOT NULL REFERENCES locmaster, task_id numeric(7) PRIMARY KEY,
  task_desc varchar(40), task_status numeric(1), source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE jobmaster (org_id numeric(3) NOT NULL REFERENCES orgmaster, con_id integer NOT NULL REFERENCES conmaster, loc_id numeric(3) NOT NULL REFERENCES locmaster, job_id numeric(10) PRIMARY KEY,
  jobdesc varchar(100), jobstatus char(1), source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
-- no primary key, because the desktop's job_id is not unique; no foreign keys to clients and contractors
CREATE TABLE jobshead (org_id numeric(3) NOT NULL REFERENCES orgmaster, con_id integer NOT NULL, loc_id numeric(3) NOT NULL REFERENCES locmaster, job_id numeric(10) NOT NULL, year_id numeric(8),
  client_id numeric(7) NOT NULL, jobdate date, targetdate date, job_nature char(1), work_desc varchar(100), worklocation varchar(15), act_man_min numeric(10), drivefolderpath varchar(100),
  drivefolderkey varchar(100), job_status char(1), source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
-- jt_id is the cloud's own key; job_id, task_id and client_id may be NULL and point nowhere
CREATE TABLE jobtasks (org_id numeric(3) NOT NULL REFERENCES orgmaster, con_id integer NOT NULL REFERENCES conmaster, loc_id numeric(3) NOT NULL REFERENCES locmaster, job_id numeric(10), year_id numeric(8),
  client_id numeric(7), task_id numeric(7), taskorder numeric(10), task_desc varchar(40), jobdet_man_hrs numeric(8,2), actual_man_hrs time, actual_man_min numeric(10), checklistlinked char(1),
  createdby varchar(15), createddate date, task_status numeric(1), source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  jt_id bigserial PRIMARY KEY, CONSTRAINT jobtasks_job_task_unique UNIQUE (job_id, task_id));
-- tc_id is the cloud's own key; task_id points nowhere, taskmaster being empty
CREATE TABLE taskchecklist (org_id numeric(3) NOT NULL REFERENCES orgmaster, loc_id numeric(3) NOT NULL REFERENCES locmaster, task_id numeric(7), checklistdesc varchar(100), applicable varchar(15),
  formatdoc varchar(15), completedby varchar(15), completeddate date, comments varchar(100), checkliststatus numeric(1), source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now(), tc_id bigserial PRIMARY KEY);
-- wd_id is the cloud's own key; client_id and cma_id are only here; job_id and task_id point nowhere
CREATE SEQUENCE workdiary_wd_id_seq;
CREATE TABLE workdiary (org_id numeric(3) REFERENCES orgmaster, con_id integer REFERENCES conmaster, loc_id numeric(3) REFERENCES locmaster, wd_id numeric(8) PRIMARY KEY DEFAULT nextval('workdiary_wd_id_seq'),
  staff_id numeric(8) REFERENCES mbstaff, job_id numeric(10), client_id numeric(7) REFERENCES climaster, cma_id numeric(5), task_id numeric(7), date date, timefrom timestamp, timeto timestamp,
  minutes numeric(4), tasknotes varchar(50), attachment char(1), doc_ref varchar(15), source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE reminder (rem_id numeric(8) PRIMARY KEY, org_id numeric(3) NOT NULL REFERENCES orgmaster, loc_id numeric(3) NOT NULL REFERENCES locmaster, year_id numeric(9) NOT NULL, staff_id numeric(8) NOT NULL,
  remdate date, client_id numeric(7), client_name varchar(80), remtype varchar(30), remnotes varchar(100), remduedate date, user_create varchar(15), user_modify varchar(15), user_create_dt date,
  user_modify_dt date, remtotype char(1), remstatus numeric(1), remtime time, remtitle varchar(100), color integer, source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE remdetail (remdetid numeric(8) PRIMARY KEY, rem_id numeric(8) NOT NULL REFERENCES reminder, staff_id numeric(8) NOT NULL, remresponse varchar(150), remresstatus char(1),
  source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE learequest (org_id numeric(3) NOT NULL REFERENCES orgmaster, con_id integer NOT NULL REFERENCES conmaster, loc_id numeric(3) NOT NULL REFERENCES locmaster, learequest_id numeric(5) PRIMARY KEY,
  staff_id numeric(8) NOT NULL REFERENCES mbstaff, requestdate date, fromdate date, todate date, fhvalue char(2), shvalue char(2), leavetype char(2), leaveremarks varchar(50), createdby varchar(15),
  createddate date, approval_status char(1), approvedby varchar(30), approveddate date, source char(1) DEFAULT 'D', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());

CREATE FUNCTION update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at = now(); RETURN NEW; END $$;
DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['orgmaster','locmaster','conmaster','mbstaff','climaster','cliunimaster','taskmaster','jobmaster','jobshead','jobtasks','taskchecklist','workdiary','reminder','remdetail','learequest'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()', 'update_'||t||'_updated_at', t);
  END LOOP; END $$;
CREATE TABLE _sync_metadata (table_name varchar(255) PRIMARY KEY, last_sync_timestamp timestamptz, last_sync_id bigint, sync_direction varchar(10), sync_status varchar(50),
  records_synced integer DEFAULT 0, error_message text, updated_at timestamptz DEFAULT now());
CREATE TABLE _sync_log (id bigserial PRIMARY KEY, table_name varchar(255), sync_direction varchar(10), operation varchar(10), record_id text, records_affected integer DEFAULT 0,
  sync_timestamp timestamptz DEFAULT now(), success boolean, error_message text, duration_ms integer);

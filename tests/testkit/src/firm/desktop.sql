-- The firm's desktop: PostgreSQL 16, Asia/Kolkata, schema public, made by a legacy application.
-- No primary keys, no foreign keys, no indexes, everything nullable.

CREATE TABLE orgmaster   (org_id numeric(3), orgname varchar(100), source char(1));
CREATE TABLE locmaster   (org_id numeric(3), loc_id numeric(3), locname varchar(100), source char(1));
CREATE TABLE conmaster   (org_id numeric(3), con_id integer, conname varchar(60), conmail varchar(60), conphone varchar(25), source char(1));
CREATE TABLE climaster   (org_id numeric(3), con_id integer, loc_id numeric(3), client_id numeric(7), clientname varchar(80), clientmail varchar(60), clientphone varchar(25), source char(1));
CREATE TABLE mbstaff     (org_id numeric(3), con_id integer, loc_id numeric(3), staff_id numeric(8), app_username varchar(50), app_pw varchar(50), stafftype numeric(1),
                          name varchar(50), phonumber varchar(30), dob date, email varchar(50), whetherca varchar(10), ca_mem_no varchar(10), desc_id numeric(5), spdoj date,
                          createdby varchar(15), createddate date, suspendedby varchar(15), suspendeddate date, revokedby varchar(15), revokeddate date,
                          terminatedby varchar(15), terminateddate date, active_status numeric(1), source char(1));
CREATE TABLE taskmaster  (org_id numeric(3), con_id integer, loc_id numeric(3), task_id numeric(7), task_desc varchar(40), task_status numeric(1), source char(1));
CREATE TABLE jobmaster   (org_id numeric(3), con_id integer, loc_id numeric(3), job_id numeric(10), jobdesc varchar(100), jobstatus char(1), source char(1));
CREATE TABLE cliunimaster(org_id numeric(3), con_id integer, loc_id numeric(3), client_id numeric(7), cliunit_id numeric(7), cliunitname varchar(80), cliunitadd1 varchar(50),
                          cliunitadd2 varchar(50), cliunitcity varchar(50), cliunitpin varchar(8), cliunitstate varchar(35), cliunitcountry varchar(35),
                          clientgeolocation varchar(100), cliunitmail varchar(40), cliunitphone varchar(25), cliunitcontactname varchar(60), source char(1));
-- job_uid, sporg_id, jctincharge: desktop only. job_id is not unique (10 ids on 18 to 24 rows each).
CREATE TABLE jobshead    (org_id numeric(3), con_id integer, loc_id numeric(3), job_id numeric(10), job_uid varchar(25), sporg_id numeric(8), jctincharge char(1), year_id numeric(8),
                          client_id numeric(7), jobdate date, targetdate date, job_nature char(1), work_desc varchar(100), worklocation varchar(15), act_man_min numeric(10),
                          drivefolderpath varchar(100), drivefolderkey varchar(100), job_status char(1), source char(1));
-- no client_id (looked up from jobshead), no createdby/createddate/task_status (cloud only)
CREATE TABLE jobtasks    (org_id numeric(3), con_id integer, loc_id numeric(3), job_id numeric(10), year_id numeric(8), task_id numeric(7), taskorder numeric(10), task_desc varchar(40),
                          jobdet_man_hrs numeric(8,2), actual_man_hrs time, actual_man_min numeric(10), checklistlinked char(1), source char(1));
CREATE TABLE taskchecklist(org_id numeric(3), loc_id numeric(3), task_id numeric(7), checklistdesc varchar(100), applicable varchar(15), formatdoc varchar(15), completedby varchar(15),
                          completeddate date, comments varchar(100), checkliststatus numeric(1), source char(1));
-- no client_id, no cma_id, no wd_id
CREATE TABLE workdiary   (org_id numeric(3), con_id integer, loc_id numeric(3), staff_id numeric(8), job_id numeric(10), task_id numeric(7), date date, timefrom timestamp, timeto timestamp,
                          minutes numeric(4), tasknotes varchar(50), attachment char(1), doc_ref varchar(15), source char(1));
CREATE TABLE mbreminder  (rem_id numeric(8), org_id numeric(3), loc_id numeric(3), year_id numeric(9), staff_id numeric(8), remdate date, client_id numeric(7), client_name varchar(80),
                          remtype varchar(30), remnotes varchar(100), remduedate date, user_create varchar(15), user_modify varchar(15), user_create_dt date, user_modify_dt date,
                          remtotype char(1), remstatus numeric(1), remtime time, remtitle varchar(100), color integer, source char(1));
CREATE TABLE mbremdetail (remdetid numeric(8), rem_id numeric(8), staff_id numeric(8), remresponse varchar(150), remresstatus char(1), source char(1));
-- no staff_id, which the cloud demands
CREATE TABLE learequest  (org_id numeric(3), con_id integer, loc_id numeric(3), learequest_id numeric(5), requestdate date, fromdate date, todate date, fhvalue char(2), shvalue char(2),
                          leavetype char(2), leaveremarks varchar(50), createdby varchar(15), createddate date, approval_status char(1), approvedby varchar(30), approveddate date, source char(1));

CREATE FUNCTION update_timestamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at = now(); RETURN NEW; END $$;
DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['orgmaster','locmaster','conmaster','climaster','mbstaff','taskmaster','jobmaster','cliunimaster','jobshead','jobtasks','taskchecklist','workdiary','mbreminder','mbremdetail','learequest'] LOOP
    EXECUTE format('ALTER TABLE %I ADD COLUMN created_at timestamp DEFAULT now(), ADD COLUMN updated_at timestamp DEFAULT now()', t);
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION update_timestamp()', t||'_update_timestamp', t);
  END LOOP; END $$;

-- What the tool before us noted in the cloud about its last run, and its sequences.
insert into _sync_metadata (table_name, last_sync_timestamp, records_synced, updated_at) values
  ('orgmaster',     '2025-10-30 12:40:07.104+00',     2, '2025-10-31 04:30:25+00'),
  ('locmaster',     '2025-10-30 12:41:07.209+00',     1, '2025-10-31 04:30:25+00'),
  ('conmaster',     '2025-10-30 12:42:07.314+00',     4, '2025-10-31 04:30:25+00'),
  ('climaster',     '2025-10-30 12:43:07.418+00',   726, '2025-10-31 04:30:25+00'),
  ('mbstaff',       '2025-10-30 12:44:07.523+00',    16, '2025-10-31 04:30:25+00'),
  ('jobshead',      '2025-10-31 04:30:02.153+00', 24562, '2025-10-31 04:30:25+00'),
  ('jobtasks',      '2025-10-31 04:30:06.403+00', 64542, '2025-10-31 04:30:25+00'),
  ('taskchecklist', '2025-10-31 04:30:14.018+00',  2894, '2025-10-31 04:30:25+00'),
  ('workdiary',     '2025-10-31 04:30:17.187+00', 30000, '2025-10-31 04:30:25+00'),
  ('reminder',      '2025-10-31 04:30:20.000+00',   129, '2025-10-31 04:30:25+00'),
  ('remdetail',     '2025-10-31 04:30:21.000+00',    37, '2025-10-31 04:30:25+00'),
  ('cliunimaster',  '1970-01-01 00:00:00+00',         0, '2025-10-30 12:00:00+00'),
  ('taskmaster',    '1970-01-01 00:00:00+00',         0, '2025-10-30 12:00:00+00'),
  ('jobmaster',     '1970-01-01 00:00:00+00',         0, '2025-10-30 12:00:00+00'),
  ('learequest',    '1970-01-01 00:00:00+00',         0, '2025-10-30 12:00:00+00');

select setval('jobtasks_jt_id_seq', (select max(jt_id) from jobtasks));
select setval('taskchecklist_tc_id_seq', (select max(tc_id) from taskchecklist));
select setval('workdiary_wd_id_seq', (select max(wd_id)::bigint from workdiary));

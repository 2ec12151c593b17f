-- The cloud's indexes beside its keys: none on updated_at anywhere, none on jobshead(job_id).
CREATE INDEX idx_mbstaff_email ON mbstaff(email);
CREATE INDEX idx_mbstaff_active ON mbstaff(active_status);
CREATE INDEX idx_jobshead_client ON jobshead(client_id);
CREATE INDEX idx_jobshead_date ON jobshead(jobdate);
CREATE INDEX idx_jobshead_status ON jobshead(job_status);
CREATE INDEX idx_jobtasks_job ON jobtasks(job_id);
CREATE INDEX idx_jobtasks_task ON jobtasks(task_id);
CREATE INDEX idx_jobtasks_job_id ON jobtasks(job_id);
CREATE INDEX idx_jobtasks_task_id ON jobtasks(task_id);
CREATE INDEX idx_workdiary_staff ON workdiary(staff_id);
CREATE INDEX idx_workdiary_date ON workdiary(date);
CREATE INDEX idx_workdiary_job ON workdiary(job_id);
CREATE INDEX idx_reminder_staff ON reminder(staff_id);
CREATE INDEX idx_reminder_duedate ON reminder(remduedate);
CREATE INDEX idx_reminder_status ON reminder(remstatus);

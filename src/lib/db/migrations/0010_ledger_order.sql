-- `donations logs --follow` reads attempts in the order in which they are recorded. An attempt may be
-- recorded long after it started, so the time of its start does not find the new ones.
create index job_attempts_id on donations.job_attempts (id);

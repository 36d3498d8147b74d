-- Statement: what a run had in hand before a step of the same run was tried again waits once more.
-- Values:    batch_id, run_id
update batch_item set status = 'pending', started_at = null
where batch_id = :batch_id and status = 'running' and child_job_id = :run_id

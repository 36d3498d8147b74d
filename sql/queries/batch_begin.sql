-- Statement: a batch is worked on by this run.
-- Values:    batch_id, run_id
update batch
set status = 'running', run_id = :run_id, started_at = coalesce(started_at, clock_timestamp()),
    completed_at = null, cancel_requested_at = null, updated_at = clock_timestamp()
where batch_id = :batch_id

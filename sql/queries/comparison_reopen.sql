-- Statement: candidates that were in hand before a step was tried again wait once more.
-- Values:    run_id
update comparison_candidate set status = 'pending', started_at = null
where run_id = :run_id and status = 'running'

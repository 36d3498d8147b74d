-- Statement: end a pipeline run that has not ended.
-- Values:    run_id, status, summary, next_steps, error
update pipeline_run
set status = :status, summary = :summary, next_steps = cast(:next_steps as jsonb),
    error = cast(:error as jsonb), finished_at = clock_timestamp()
where run_id = :run_id and finished_at is null

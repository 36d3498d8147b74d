-- Statement: a pipeline runs, and this is known of it now; what is null here stays as it was.
-- Values:    run_id, dataset_run, backtests, chosen, training
update pipeline_run
set status = 'running',
    dataset_run = coalesce(cast(:dataset_run as jsonb), dataset_run),
    backtests = coalesce(cast(:backtests as jsonb), backtests),
    chosen = coalesce(cast(:chosen as jsonb), chosen),
    training = coalesce(cast(:training as jsonb), training)
where run_id = :run_id and finished_at is null

-- Statement: write down how a candidate ended; one that was settled meanwhile stays as it is.
-- Values:    run_id, ordinal, status, metrics, forecasts, error, error_type
update comparison_candidate
set status = :status, metrics = cast(:metrics as jsonb), forecasts = cast(:forecasts as jsonb),
    error = :error, error_type = :error_type, completed_at = clock_timestamp(),
    duration_ms = 1000 * extract(epoch from clock_timestamp() - started_at)
where run_id = :run_id and ordinal = :ordinal and status = 'running'

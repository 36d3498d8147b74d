-- Statement: end the candidates of a comparison that have not ended, with the same sentence.
-- Values:    run_id, status, error, error_type
update comparison_candidate
set status = :status, error = :error, error_type = :error_type, completed_at = clock_timestamp(),
    duration_ms = 1000 * extract(epoch from clock_timestamp() - started_at)
where run_id = :run_id and status in ('pending', 'running')

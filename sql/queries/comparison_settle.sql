-- Statement: end a comparison with its counts, its winner and its result.
-- Values:    run_id, status, completed, failed, cancelled, winner, result, error
update comparison
set status = :status, completed_candidates = :completed, failed_candidates = :failed,
    cancelled_candidates = :cancelled, winner = :winner, result = cast(:result as jsonb), error = :error,
    completed_at = clock_timestamp()
where run_id = :run_id

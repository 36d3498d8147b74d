-- Statement: end a launch.
-- Values:    launch_id, status, what, result (JSON object), error (JSON object or null)
update launch
set status = :status, what = :what, result = result || cast(:result as jsonb), error = cast(:error as jsonb),
    completed_at = clock_timestamp(), updated_at = clock_timestamp()
where launch_id = :launch_id

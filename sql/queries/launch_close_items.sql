-- Statement: end the items of a launch that are in one state, with the same sentence.
-- Values:    launch_id, from_status, to_status, error_message, error_type
update launch_item
set status = :to_status, error_message = :error_message, error_type = :error_type,
    completed_at = clock_timestamp(),
    duration_ms = 1000 * extract(epoch from clock_timestamp() - started_at)
where launch_id = :launch_id and status = :from_status

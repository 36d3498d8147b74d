-- Statement: ask for the end of a launch that has not ended, and of its parts.
-- Values:    launch_id
update launch
set cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()), updated_at = clock_timestamp()
where (launch_id = :launch_id or part_of = :launch_id) and completed_at is null

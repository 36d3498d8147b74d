-- Statement: ask for the end of a comparison that has not ended.
-- Values:    run_id
update comparison set cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp())
where run_id = :run_id and status in ('pending', 'running')

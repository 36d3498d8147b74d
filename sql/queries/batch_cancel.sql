-- Statement: ask for the end of a batch that has not ended.
-- Values:    batch_id
update batch
set cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()), updated_at = clock_timestamp()
where batch_id = :batch_id and status in ('pending', 'running')

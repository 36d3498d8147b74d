-- Statement: end a batch.
-- Values:    batch_id, status, result_summary
update batch
set status = :status, result_summary = cast(:result_summary as jsonb), completed_at = clock_timestamp(),
    updated_at = clock_timestamp()
where batch_id = :batch_id

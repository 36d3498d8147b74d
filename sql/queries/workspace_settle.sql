-- Statement: end a kept run with what it made.
-- Values:    workspace_id, status, store_id, product_id, date_start, date_end, created_objects,
--            result_summary, steps
update workspace
set status = :status, store_id = :store_id, product_id = :product_id, date_start = :date_start,
    date_end = :date_end, created_objects = cast(:created_objects as jsonb),
    result_summary = cast(:result_summary as jsonb), steps = cast(:steps as jsonb),
    completed_at = clock_timestamp()
where workspace_id = :workspace_id and status = 'running'

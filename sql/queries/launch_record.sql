-- Statement: write down how the staged items ended; an item that was settled meanwhile stays as it is.
-- Values:    run_id (the passing table staged holds item_id, status, metrics, outputs, child_run_id,
--            error_message, error_type)
update launch_item i
set status = s.status, metrics = s.metrics, outputs = s.outputs, child_run_id = s.child_run_id,
    error_message = s.error_message, error_type = s.error_type, completed_at = clock_timestamp(),
    duration_ms = 1000 * extract(epoch from clock_timestamp() - i.started_at)
from staged s
where i.item_id = s.item_id and i.status in ('pending', 'running') and i.run_id = :run_id

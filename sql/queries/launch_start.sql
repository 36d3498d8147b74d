-- Statement: a launch is worked on by this run; what a run before it had in hand waits once more.
-- Values:    launch_id, run_id
with waiting as (
    update launch_item set status = 'pending', started_at = null, run_id = null
    where launch_id = :launch_id and status in ('pending', 'running') and run_id is not null
)
update launch
set status = 'running', run_id = :run_id, started_at = coalesce(started_at, clock_timestamp()),
    completed_at = null, cancel_requested_at = null, error = null, updated_at = clock_timestamp()
where launch_id = :launch_id

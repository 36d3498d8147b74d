-- Question: which runs of Dagster succeeded or failed last?
-- Grain:    one row per run, the newest first.
-- Values:   at_most
select run_id, pipeline_name as job, status = 'FAILURE' as is_failed,
       update_timestamp at time zone 'UTC' as ended_at,
       run_body::jsonb -> 'tags' as tags, run_body::jsonb -> 'run_config' as config
from dagster.runs
where status in ('SUCCESS', 'FAILURE')
order by update_timestamp desc
limit :at_most

-- Question: which launches wait in Dagster's queue, or begin, without a record of their own?
-- Grain:    one row per run, the newest first.
-- Values:   jobs (array of names)
select r.run_id, r.pipeline_name as job, lower(r.status) as status,
       split_part(coalesce(
           jsonb_path_query_first(r.run_body::jsonb, '$.run_config.ops.*.config.dataset') #>> '{}',
           jsonb_path_query_first(r.run_body::jsonb, '$.run_config.ops.*.config.series') #>> '{}'), '__', 1) as dataset
from dagster.runs r
where r.status in ('QUEUED', 'NOT_STARTED', 'STARTING', 'STARTED') and r.pipeline_name = any(:jobs)
  and not exists (select from launch l where r.run_id in (l.launch_id, l.run_id))
order by r.id desc

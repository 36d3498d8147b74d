-- Question: what does Dagster know of a run?
-- Grain:    one row for a run that it knows, else none.
-- Values:   run_id
select run_id, pipeline_name as job, status, run_body::jsonb ->> 'root_run_id' as root_run_id,
       run_body::jsonb -> 'tags' as tags, run_body::jsonb -> 'run_config' as config
from dagster.runs where run_id = :run_id

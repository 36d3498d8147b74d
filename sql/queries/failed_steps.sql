-- Question: what did Dagster write down of the steps of a run that failed?
-- Grain:    one row per failed step, the first one first.
-- Values:   run_id
select event from dagster.event_logs
where run_id = :run_id and dagster_event_type = 'STEP_FAILURE'
order by id

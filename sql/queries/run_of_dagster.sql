-- Question: does Dagster know a run?
-- Grain:    one row for a run that it knows, else none.
-- Values:   run_id
select run_id from dagster.runs where run_id = :run_id

-- Question: what is on record of a pipeline run?
-- Grain:    one row, or none.
-- Values:   run_id
select * from pipeline_run where run_id = :run_id

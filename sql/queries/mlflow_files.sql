-- Question: where does MLflow keep the files of a run, in its own tables?
-- Grain:    one row for a run that it knows, else none.
-- Values:   run_id
select artifact_uri as place from runs where run_uuid = :run_id

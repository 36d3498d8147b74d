-- Question: which versions of which models does the warehouse speak of, and where are which files of theirs?
-- Grain:    one row per version.
-- Values:   none
select dataset, series, version, mlflow_run, path, artifact_sha256
from model_version
order by dataset, series collate "C", version

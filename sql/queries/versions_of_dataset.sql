-- Question: which versions were registered of a dataset?
-- Grain:    one row per series and version, the newest first.
-- Values:   dataset
select series, version, candidate, content, feature_frame, is_override, wape, mlflow_run, path, artifact_sha256
from model_version
where dataset = :dataset
order by series collate "C", version desc

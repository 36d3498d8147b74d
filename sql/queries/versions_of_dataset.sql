-- Question: which versions were registered of a dataset?
-- Grain:    one row per series and version, the newest first; champion is whom the newest evaluation chose.
-- Values:   dataset
select v.series, v.version, v.candidate, v.recommended, v.content, v.feature_frame, v.is_override, v.wape,
       v.mlflow_run, v.path, v.artifact_sha256, c.champion
from model_version v
left join champion c on c.series = v.series and c.is_current
where v.dataset = :dataset
order by v.series collate "C", v.version desc

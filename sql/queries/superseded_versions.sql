-- Question: which model versions are old, were followed by newer ones, and are in no newer decision?
-- Grain:    one row per version; whether an alias means it is MLflow's to say.
-- Values:   before
select v.dataset, v.series, v.version, v.mlflow_run, v.path
from model_version v
where v.registered_at < :before
  and v.version < (select max(newer.version) from model_version newer where newer.series = v.series)
  and not exists (
      select from promotion p
      where p.series = v.series and p.written_at >= :before and v.version in (p.from_version, p.to_version)
  )
order by v.dataset, v.series collate "C", v.version

-- Statement: forget model versions that MLflow no longer has; what was decided about them stays on record.
-- Values:    series, versions (arrays of equal length)
delete from model_version v
using unnest(cast(:series as text[]), cast(:versions as integer[])) as gone (series, version)
where v.series = gone.series and v.version = gone.version

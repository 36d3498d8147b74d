-- Question: which forecasts, current or not, are about days that have come since?
-- Grain:    one row per series and forecasting run.
-- Values:   dataset, since (first day at the earliest), newest (first day at the latest)
select series, run_id, first_day, path, claims, lead_time_days, service_level, reorder_point
from forecast
where dataset = :dataset and first_day between :since and :newest
order by path, series

-- Question: whose champion has become worse, and how many units a week does that put at risk?
-- Grain:    one row per series that was judged, most units at risk first.
-- Values:   dataset, series (array, or null for all of the dataset)
select d.series, s.store_id, s.product_id, d.champion, d.drift_direction, d.latest_wape, d.baseline_wape,
       d.chance, d.units_at_risk, d.verdict, d.previous_wape, d.wape_delta, d.evaluations, d.windows,
       d.recent_error, d.usual_error, d.false_alarm, d.newest_day, d.reason, d.run_id, d.found_at
from drift d
join series s using (series)
where d.dataset = :dataset and (cast(:series as text[]) is null or d.series = any(:series))
order by d.units_at_risk desc, d.chance nulls last, d.series collate "C"

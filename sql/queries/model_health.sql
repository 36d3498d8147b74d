-- Question: how healthy is the champion of each series: its trend, its newest week, its age, its live error?
-- Grain:    one row per series with a current choice; degrading ones first, then the larger change.
-- Values:   dataset (or null for all), today (date), at_most (or null)
select c.series, s.store_id, s.product_id, c.champion, coalesce(d.drift_direction, 'unknown') as drift_direction,
       d.latest_wape, d.previous_wape, d.wape_delta, d.baseline_wape, coalesce(d.evaluations, 0) as run_count,
       coalesce(d.verdict, 'unknown') as verdict, d.chance, coalesce(d.units_at_risk, 0) as units_at_risk,
       l.wape as live_wape, e.outcome as latest_run_status, e.run_id as latest_run_id,
       e.evaluated_at as last_trained_at,
       greatest(:today - case coalesce(o.options ->> 'aggregate', o.options ->> 'frequency')
           when 'week' then e.anchor_day + 6
           when 'month' then cast(date_trunc('month', e.anchor_day) + interval '1 month - 1 day' as date)
           else e.anchor_day end, 0) as staleness_days,
       coalesce(d.reason, 'drift was not judged yet') as reason
from champion c
join series s using (series)
join dataset o on o.name = c.dataset
left join evaluation e using (series)
left join drift d using (series)
left join forecast_accuracy l on l.series = c.series and l.bucket = 'all'
where c.is_current and (cast(:dataset as text) is null or c.dataset = :dataset)
order by array_position(array['degrading', 'improving', 'stable', 'unknown'], coalesce(d.drift_direction, 'unknown')),
         abs(d.wape_delta) desc nulls last, c.series collate "C"
limit cast(:at_most as integer)

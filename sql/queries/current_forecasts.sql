-- Question: what is forecast for these series?
-- Grain:    one row per series with a current forecast, by key.
-- Values:   dataset, series (array, or null for all of the dataset)
select f.series, s.store_id, s.product_id, f.candidate, f.fallback, f.horizon, f.last_known_day, f.first_day,
       f.total, f.average, f.peak_day, f.peak_units, f.low_day, f.low_units, f.lead_time_days, f.service_level,
       f.safety_stock, f.reorder_point, f.stock ->> 'rule' as stock_rule,
       cast(f.stock -> 'service' ->> 'covered' as double precision)
           / nullif(cast(f.stock -> 'service' ->> 'windows' as integer), 0) as achieved_service,
       cast(f.stock ->> 'order_up_to' as double precision) as order_up_to,
       cast(f.stock ->> 'thumb_safety_stock' as double precision) as rule_of_thumb_safety_stock,
       cast(f.stock ->> 'thumb_reorder_point' as double precision) as rule_of_thumb_reorder_point,
       cast(f.stock -> 'thumb_service' ->> 'covered' as double precision)
           / nullif(cast(f.stock -> 'thumb_service' ->> 'windows' as integer), 0) as rule_of_thumb_service,
       cast(f.stock ->> 'expected' as double precision) as lead_time_demand,
       cast(f.stock -> 'service' ->> 'windows' as integer) as service_windows,
       cast(f.stock as text) as stock, f.interval_safety_stock, f.coverage_80, f.assumptions, f.snapshot,
       f.fingerprint, f.run_id, f.path, f.made_at
from forecast f
join series s using (series)
where f.dataset = :dataset and f.is_current and (cast(:series as text[]) is null or f.series = any(:series))
order by f.series collate "C"

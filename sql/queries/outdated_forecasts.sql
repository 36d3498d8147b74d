-- Question: which forecasts in use were made by another champion than the newest evaluation chose?
-- Grain:    one row per series whose forecast in use is out of date, by key; a series without a champion is
--           forecast by another candidate on purpose.
-- Values:   dataset (or null for all)
select f.series, s.store_id, s.product_id, f.candidate, f.run_id, f.made_at, c.champion, c.wape,
       c.run_id as newest_run_id, e.outcome, c.chosen_at
from forecast f
join series s using (series)
join champion c on c.series = f.series and c.is_current
left join evaluation e on e.series = f.series
where f.is_current and (cast(:dataset as text) is null or f.dataset = :dataset)
  and case when c.champion is null then f.fallback is null else c.champion <> f.candidate end
order by f.series collate "C"

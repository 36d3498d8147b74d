-- Question: what looks wrong in the sales of a dataset, and since when?
-- Grain:    one row per series and suspicion, errors first, then the newest days.
-- Values:   dataset, series (array, or null for all of the dataset)
select q.series, s.store_id, s.product_id, q.severity, q.suspicion, q.detail, q.action, q.first_day, q.last_day,
       q.since, q.run_id
from quality_finding q
join series s using (series)
where q.dataset = :dataset and (cast(:series as text[]) is null or q.series = any(:series))
order by array_position(array['error', 'warning', 'info'], q.severity), q.last_day desc, q.series collate "C", q.suspicion

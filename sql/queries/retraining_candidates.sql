-- Question: how old is what the champion of each series learned, how wrong is it, and was retraining asked for?
-- Grain:    one row per series whose newest evaluation gave a champion, by key.
-- Values:   dataset (or null for all), today (date)
select c.series, s.store_id, s.product_id, c.champion,
       :today - case coalesce(o.options ->> 'aggregate', o.options ->> 'frequency')
           when 'week' then e.anchor_day + 6
           when 'month' then cast(date_trunc('month', e.anchor_day) + interval '1 month - 1 day' as date)
           else e.anchor_day end as staleness_days, c.wape,
       e.run_id as latest_run_id, e.outcome as latest_run_status, r.requested_at
from champion c
join series s using (series)
join dataset o on o.name = c.dataset
join evaluation e using (series)
left join lateral (
    select max(q.requested_at) as requested_at
    from retrain_request q
    where q.series = c.series and q.requested_at > e.evaluated_at
) r on true
where c.is_current and c.champion is not null and e.outcome = 'scored'
  and (cast(:dataset as text) is null or c.dataset = :dataset)
order by c.series collate "C"

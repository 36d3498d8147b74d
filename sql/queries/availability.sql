-- Question: which series of a dataset can be judged, and why not?
-- Grain:    one row per series of the newest panel, by key.
-- Values:   dataset
select a.series, s.store_id, s.product_id, a.state, a.reason, a.first_day, a.last_day, a.last_sale, a.ended, a.observed_days,
       a.expected_days, a.coverage, a.missing_days, a.closed_days, a.zero_sale_days, a.promotion_days,
       a.average_daily_demand, a.demand_class, a.revenue, a.snapshot
from availability a
join series s using (series)
where a.dataset = :dataset
order by a.series collate "C"

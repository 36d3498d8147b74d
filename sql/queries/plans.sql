-- Question: which plans are kept, and what are they worth?
-- Grain:    one row per plan, the newest first.
-- Values:   names (array, or null for all), dataset (or null), tags (array: all of them; empty for any)
select p.name, p.series, p.tags, p.method, p.units_delta, p.revenue_delta, p.coverage, p.baseline_units,
       p.scenario_units, p.baseline_revenue, p.scenario_revenue, p.candidate, p.assumptions, p.sentences, p.first_day,
       p.baseline, p.scenario, p.snapshot, p.run_id, p.made_at, p.limits
from plan p
join series s using (series)
where (cast(:names as text[]) is null or p.name = any(:names))
  and (cast(:dataset as text) is null or s.dataset = :dataset)
  and p.tags @> cast(:tags as text[])
order by p.made_at desc, p.name collate "C"

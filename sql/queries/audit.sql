-- Question: who decided when that which version is live, from which to which, and why?
-- Grain:    one row per decision, the newest last; begun but never applied ones say so.
-- Values:   dataset, series (array, or null for all of the dataset)
select p.written_at as decided_at, p.series, p.action,
       case when p.state = 'applied' or a.id is not null then 'applied' else 'interrupted' end as state,
       p.from_version, p.to_version, p.from_candidate, p.to_candidate, p.from_wape, p.to_wape, p.is_override,
       p.acknowledged, p.approved_by, p.reason, p.gates, p.decision_id, p.run_id
from promotion p
left join promotion a on a.decision_id = p.decision_id and a.state = 'applied' and a.id <> p.id
where p.dataset = :dataset and (cast(:series as text[]) is null or p.series = any(:series))
  and (p.state = 'intended' or p.action = 'external')
order by p.id

-- Question: what is this dataset, and which snapshot of it is current?
-- Grain:    one row, or none.
-- Values:   name
select d.name, d.source, d.options, d.plan_reach, s.*
from dataset d
left join snapshot s on s.dataset = d.name and s.hash = d.snapshot
where d.name = :name

-- Question: what was the last thing that made a version of each series live?
-- Grain:    one row per series with any decision.
-- Values:   dataset (or null for all)
select distinct on (series) series, action, approved_by, to_version, written_at
from promotion
where (cast(:dataset as text) is null or dataset = :dataset) and state = 'applied'
order by series, id desc

-- Question: which state of each dataset's champions should forecasts and drift follow?
-- Grain:    one row per dataset with an evaluation, by name; ``mark`` changes with every new evaluation or snapshot.
-- Values:   none
select d.name as dataset, md5(concat_ws(' ', d.snapshot, count(*), max(e.evaluated_at))) as mark
from dataset d
join evaluation e on e.dataset = d.name
group by d.name, d.snapshot
order by d.name

-- Question: how did the newest evaluation of every series end, how many forecasts are in use, how fresh is it all?
-- Grain:    one row, zeros and nulls for an empty system.
-- Values:   dataset (or null for all)
select (select count(*) from evaluation e where cast(:dataset as text) is null or e.dataset = :dataset) as evaluated,
       count(*) filter (where outcome = 'scored') as scored,
       count(*) filter (where outcome = 'unusable') as unusable,
       count(*) filter (where outcome = 'broken') as broken,
       max(evaluated_at) filter (where outcome = 'scored') as newest_success,
       (select count(*) from forecast f
        where f.is_current and (cast(:dataset as text) is null or f.dataset = :dataset)) as forecasts,
       (select max(n.last_day) from dataset d join snapshot n on n.dataset = d.name and n.hash = d.snapshot
        where cast(:dataset as text) is null or d.name = :dataset) as newest_sales
from evaluation
where cast(:dataset as text) is null or dataset = :dataset

-- Question: where are the folds of every scored series, and what kind of demand has it?
-- Grain:    one row per scored series, file by file.
-- Values:   dataset
select e.path, e.series, a.demand_class
from evaluation e
left join availability a using (series)
where e.dataset = :dataset and e.path is not null
order by e.path, e.series collate "C"

-- Question: which series broke in their newest evaluation, and why?
-- Grain:    one row per series, the newest first.
-- Values:   dataset (or null for all), at_most
select series, reason, evaluated_at
from evaluation
where outcome = 'broken' and (cast(:dataset as text) is null or dataset = :dataset)
order by evaluated_at desc, series
limit :at_most

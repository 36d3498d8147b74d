-- Question: which series of the newest panel ended or never sold, and why?
-- Grain:    one row per series without demand, by key.
-- Values:   dataset
select series, reason
from availability
where dataset = :dataset and (ended or observed_days = 0)
order by series collate "C"

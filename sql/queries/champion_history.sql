-- Question: who was champion of a series when, on which snapshot, chosen by which run?
-- Grain:    one row per choice, the newest first.
-- Values:   series
select chosen_at, champion, wape, confidence, reason, snapshot, run_id, is_current
from champion
where series = :series
order by chosen_at desc

-- Question: which versions were registered of these series?
-- Grain:    one row per series and version, the newest first.
-- Values:   series (array)
select *
from model_version
where series = any(:series)
order by series collate "C", version desc

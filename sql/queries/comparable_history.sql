-- Question: what did comparable evaluations say of these series' champions, oldest first?
-- Grain:    one row per series and snapshot; only evaluations with the folds of the newest one.
-- Values:   series (array)
with newest as (
    select distinct on (series) series, settings_hash
    from metric_history
    where series = any(:series)
    order by series, evaluated_at desc
),
kept as (
    select distinct on (h.series, h.snapshot) h.series, h.run_id, h.candidate, h.wape, h.anchor_day, h.evaluated_at
    from metric_history h
    join newest using (series, settings_hash)
    order by h.series, h.snapshot, h.evaluated_at desc
)
select series, run_id, candidate, wape, anchor_day, evaluated_at
from kept
order by series collate "C", evaluated_at

-- Question: how did the newest evaluation of these series end, and what did the one before say?
-- Grain:    one row per evaluated series.
-- Values:   series (array)
select e.series, e.outcome, e.reason, c.champion, c.wape, b.wape as wape_before
from evaluation e
left join champion c on c.series = e.series and c.is_current
left join lateral (
    select p.wape from champion p where p.series = e.series and not p.is_current order by p.chosen_at desc limit 1
) b on true
where e.series = any(:series)

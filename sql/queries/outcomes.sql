-- Question: what came out for these series?
-- Grain:    one row per outcome that occurs.
-- Values:   series (array)
select e.outcome, count(*) as series, count(c.champion) as champions
from evaluation e
left join champion c on c.series = e.series and c.is_current
where e.series = any(:series)
group by e.outcome

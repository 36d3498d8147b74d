-- Question: from which inputs do the stored backtest and champion of each series come?
-- Grain:    one row per evaluated series of a dataset; broken ones have no fingerprint to be reused.
-- Values:   dataset
select e.series,
       case when e.outcome <> 'broken' then e.fingerprint end as backtest,
       c.fingerprint as champion
from evaluation e
left join champion c on c.series = e.series and c.is_current
where e.dataset = :dataset

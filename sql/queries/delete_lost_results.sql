-- Statement: forget results whose files are lost, so that the next evaluation makes them anew.
-- Values:    kinds, datasets, keys (arrays of equal length)
with lost as (
    select * from unnest(cast(:kinds as text[]), cast(:datasets as text[]), cast(:keys as text[]))
    as lost (kind, dataset, key)
),
evaluations as (
    delete from evaluation e using lost
    where lost.kind = 'evaluation' and e.series = lost.key
),
forecasts as (
    delete from forecast f using lost
    where lost.kind = 'forecast' and f.series = lost.key and f.is_current
),
fitted as (
    delete from global_forecast g using lost
    where lost.kind = 'global_forecast' and g.dataset = lost.dataset and g.candidate = lost.key
)
delete from production_model p using lost
where lost.kind = 'production_model' and p.dataset = lost.dataset and p.candidate = lost.key

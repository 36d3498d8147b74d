-- Question: which version of each registered series is live by the record?
-- Grain:    one row per series with a version; null where nothing was ever decided or it was taken away.
-- Values:   dataset
select v.series, p.to_version as live
from (select distinct series from model_version where dataset = :dataset) v
left join lateral (
    select to_version
    from promotion
    where promotion.series = v.series and state = 'applied'
    order by id desc
    limit 1
) p on true

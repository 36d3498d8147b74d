-- Question: which version is live by the record, and which decision was begun and not completed since?
-- Grain:    one row per series with any decision.
-- Values:   series (array)
with applied as (
    select distinct on (series) series, id, to_version, from_version
    from promotion
    where series = any(:series) and state = 'applied'
    order by series, id desc
),
begun as (
    select distinct on (p.series) p.series, p.decision_id, p.action, p.from_version, p.to_version, p.approved_by
    from promotion p
    left join applied a using (series)
    where p.series = any(:series) and p.state = 'intended' and p.id > coalesce(a.id, 0)
    order by p.series, p.id desc
)
select series, a.to_version as live, a.from_version as before, b.decision_id, b.action, b.from_version,
       b.to_version, b.approved_by
from applied a
full join begun b using (series)

-- Question: which snapshot of each automatic dataset has a panel, and which series await an evaluation or their end?
-- Grain:    one row per dataset with a panel, by name; ``unsettled`` is a mark of the awaiting series.
-- Values:   none
with waiting as (
    select s.dataset, s.series, a.series is not null as delivered,
           a.series is not null and e.series is null as is_new,
           a.series is null and e.fingerprint is distinct from 'ended' as is_gone
    from series s
    left join availability a using (series)
    left join evaluation e using (series)
)
select d.name as dataset, n.hash as snapshot, md5(cast(d.options as text)) as options,
       count(w.series) filter (where w.delivered) as delivered,
       count(w.series) filter (where w.is_new) as new,
       count(w.series) filter (where w.is_gone) as gone,
       md5(string_agg(w.series, ' ' order by w.series) filter (where w.is_new or w.is_gone)) as unsettled
from dataset d
join snapshot n on n.dataset = d.name and n.hash = d.snapshot and n.panel_path is not null
left join waiting w on w.dataset = d.name
where d.options ->> 'automatic' is distinct from 'false'
group by d.name, n.hash, d.options
order by d.name

-- Question: which datasets are there, and how large is the current snapshot of each?
-- Grain:    one row per dataset, by name.
-- Values:   none
select d.name, d.source ->> 'kind' as source, s.series_count as series, s.store_count as stores,
       s.row_count as rows, s.first_day, s.last_day, d.snapshot,
       (select count(*) from champion c where c.dataset = d.name and c.is_current and c.champion is not null)
           as champions
from dataset d
left join snapshot s on s.dataset = d.name and s.hash = d.snapshot
order by d.name

-- Question: what is wrong now, besides failed runs?
-- Grain:    one row per open incident, errors first, then the newest.
-- Values:   dataset (or null for all; what concerns all of them is among those of each), at_most
select kind, severity, what, next_step, link, times, opened_at, last_seen_at
from incident
where resolved_at is null and kind <> 'failed run'
  and (cast(:dataset as text) is null or dataset is null or dataset = :dataset)
order by severity, last_seen_at desc, id desc
limit :at_most

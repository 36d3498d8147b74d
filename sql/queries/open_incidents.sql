-- Question: what is wrong now, besides failed runs?
-- Grain:    one row per open incident, errors first, then the newest.
-- Values:   at_most
select kind, severity, what, next_step, link, times, opened_at, last_seen_at
from incident
where resolved_at is null and kind <> 'failed run'
order by severity, last_seen_at desc, id desc
limit :at_most

-- Question: what belongs into the digest: warnings and passed errors that nobody was notified of, and open errors?
-- Grain:    one row per incident, open errors first. They are held until somebody is.
-- Values:   due (the moment that the digest is about)
select id, kind, severity, what, next_step, link, times, opened_at, last_seen_at, resolved_at
from incident
where (notified_at is null and opened_at < :due and (severity = 'warning' or resolved_at is not null))
   or (notified_at < :due and severity = 'error' and resolved_at is null)
order by severity, resolved_at is not null, opened_at, id
for update skip locked

-- Question: which open incidents of this severity was nobody notified of? They are held until they are.
-- Grain:    one row per incident, the oldest first.
-- Values:   severity
select id, kind, what, next_step, link, times, opened_at, last_seen_at, resolved_at
from incident
where severity = :severity and notified_at is null and resolved_at is null
order by opened_at, id
for update skip locked

-- Question: which open incidents of this severity has nobody been told of? They are held until they are.
-- Grain:    one row per incident, the oldest first.
-- Values:   severity
select id, kind, what, next_step, link, times, opened_at, last_seen_at, resolved_at
from incident
where severity = :severity and told_at is null and resolved_at is null
order by opened_at, id
for update skip locked

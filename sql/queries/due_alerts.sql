-- Question: which messages of the outbox should be handed over now, and how many wait for another try?
-- Grain:    one row per message, the oldest first; given up when older than ``oldest``.
-- Values:   now, oldest
select id, next_try_at <= :now as due
from alert
where sent_at is null and made_at > :oldest
order by made_at, id

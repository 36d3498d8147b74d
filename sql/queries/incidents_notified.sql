-- Statement: these incidents are in a message now.
-- Values:    incidents (array), now
update incident set notified_at = :now where id = any(:incidents) and notified_at is null

-- Statement: these incidents are in a message now.
-- Values:    incidents (array), now
update incident set told_at = :now where id = any(:incidents) and told_at is null

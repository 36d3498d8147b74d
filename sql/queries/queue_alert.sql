-- Statement: put one message into the outbox of every channel.
-- Values:    channels (array), subject, body, is_digest, incidents (array), now
insert into alert (channel, subject, body, is_digest, incidents, made_at, next_try_at)
select channel, :subject, :body, :is_digest, :incidents, :now, :now
from unnest(cast(:channels as text[])) as c (channel)

-- Statement: close the open incidents about things that have recovered since they were last seen.
-- Values:    recovered (JSON object: key -> when it was seen to be well)
update incident i set resolved_at = cast(r.value as timestamptz)
from jsonb_each_text(cast(:recovered as jsonb)) as r
where i.key = r.key and i.resolved_at is null and i.last_seen_at <= cast(r.value as timestamptz)

-- Statement: a message was handed over (failure is null), or is to be tried again.
-- Values:    id, now, next_try_at, failure
update alert
set attempts = attempts + 1, failure = :failure, next_try_at = :next_try_at,
    sent_at = case when cast(:failure as text) is null then cast(:now as timestamptz) end
where id = :id

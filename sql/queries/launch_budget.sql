-- Question: when may this person launch such a run again? Null for now.
-- Grain:    one row.
-- Values:   kind, requested_by, most
select max(created_at) at time zone 'utc' + interval '1 hour' as free_at
from (
    select created_at
    from launch
    where kind = :kind and requested_by = :requested_by and created_at > now() - interval '1 hour'
    order by created_at desc
    offset :most - 1
    limit 1
) last

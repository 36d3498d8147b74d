-- Statement: record decisions as applied.
-- Values:    decisions (array)
insert into promotion (
    decision_id, run_id, dataset, series, action, state, from_version, to_version, from_candidate, to_candidate,
    from_wape, to_wape, is_override, acknowledged, gates, approved_by, reason
)
select decision_id, run_id, dataset, series, action, 'applied', from_version, to_version, from_candidate,
       to_candidate, from_wape, to_wape, is_override, acknowledged, gates, approved_by, reason
from promotion
where decision_id = any(:decisions) and state = 'intended'
on conflict (decision_id, state) do nothing

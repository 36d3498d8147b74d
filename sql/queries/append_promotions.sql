-- Statement: add decisions to the record of promotions.
-- Values:    rows (a JSON list of objects with the columns' names)
insert into promotion (
    decision_id, run_id, dataset, series, action, state, from_version, to_version, from_candidate, to_candidate,
    from_wape, to_wape, is_override, acknowledged, gates, approved_by, reason
)
select decision_id, run_id, dataset, series, action, state, from_version, to_version, from_candidate,
       to_candidate, from_wape, to_wape, is_override, acknowledged, gates, approved_by, reason
from jsonb_populate_recordset(null::promotion, cast(:rows as jsonb))

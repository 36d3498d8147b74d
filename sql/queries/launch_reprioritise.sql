-- Statement: give pending items another band, and write down who did; one that has it already is left alone.
-- Values:    launch_id, items (array of ids, or null for all pending ones), priority, source, by
update launch_item
set priority = :priority, priority_updated_at = now(),
    priority_history = priority_history || jsonb_build_array(
        jsonb_build_object('from', priority, 'to', cast(:priority as smallint), 'at', now(),
                           'source', cast(:source as text), 'by', cast(:by as text)))
where launch_id = :launch_id and status = 'pending' and run_id is null and priority <> :priority
  and (cast(:items as bigint[]) is null or item_id = any(:items))

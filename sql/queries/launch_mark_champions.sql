-- Statement: mark the champions of a batch, and take the mark from all its other items.
-- Values:    launch_id, items (array of ids), summary (JSON object)
with marked as (
    update launch_item set is_champion = (item_id = any(:items))
    where launch_id = :launch_id and is_champion <> (item_id = any(:items))
)
update launch
set result = result || jsonb_build_object(
        'champions', cast(:summary as jsonb) || jsonb_build_object('selected_at', clock_timestamp())),
    updated_at = clock_timestamp()
where launch_id = :launch_id

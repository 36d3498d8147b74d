-- Statement: mark the champions of a batch, and take the mark from all its other items.
-- Values:    batch_id, items (array of ids), summary
with marked as (
    update batch_item set is_champion = (item_id = any(:items))
    where batch_id = :batch_id and is_champion <> (item_id = any(:items))
)
update batch
set champion_summary = cast(:summary as jsonb) || jsonb_build_object('selected_at', clock_timestamp()),
    updated_at = clock_timestamp()
where batch_id = :batch_id

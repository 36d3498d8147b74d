-- Statement: forget launches and all that belongs to them; their files become orphans.
-- Values:    ids (array)
delete from launch where launch_id = any(:ids)

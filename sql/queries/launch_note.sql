-- Statement: this is known of a launch by now; what was known before stays.
-- Values:    launch_id, known (JSON object)
update launch set result = result || cast(:known as jsonb), updated_at = clock_timestamp()
where launch_id = :launch_id and completed_at is null

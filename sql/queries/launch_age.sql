-- Statement: let pending items that have waited rise by one band, and write down that they did.
-- Values:    launch_id, minutes
update launch_item
set priority = priority + 1, priority_updated_at = now(),
    priority_history = priority_history || jsonb_build_array(
        jsonb_build_object('from', priority, 'to', priority + 1, 'at', now(), 'source', 'aging', 'by', null))
where launch_id = :launch_id and status = 'pending' and run_id is null and priority < 2
  and now() - coalesce(priority_updated_at, created_at) >= make_interval(mins => :minutes)

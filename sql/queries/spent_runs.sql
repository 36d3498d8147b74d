-- Question: which finished runs hold nothing that is the newest word on an asset or a check?
-- Grain:    one row per run, the oldest first, with the size of its events.
-- Values:   before (only runs that ended earlier; reads the passing table kept_event)
select r.run_id, coalesce(sum(pg_column_size(e.event)), 0)::bigint as bytes
from dagster.runs r
left join dagster.event_logs e on e.run_id = r.run_id
left join kept_event k on k.id = e.id
where r.status in ('SUCCESS', 'FAILURE', 'CANCELED') and r.update_timestamp < :before
group by r.id, r.run_id
having count(k.id) = 0
order by r.id

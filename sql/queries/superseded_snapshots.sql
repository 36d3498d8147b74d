-- Question: which snapshots are neither current nor among the newest of their dataset?
-- Grain:    one row per snapshot, by dataset, the oldest first.
-- Values:   before (only older ones), kept (how many a dataset keeps)
select s.dataset, s.hash
from (
    select dataset, hash, created_at, row_number() over (partition by dataset order by created_at desc) as place
    from snapshot
) s
join dataset d on d.name = s.dataset
where s.place > :kept and s.created_at < :before and s.hash is distinct from d.snapshot
order by s.dataset, s.created_at

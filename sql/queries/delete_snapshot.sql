-- Statement: delete one snapshot, unless it has become the current one meanwhile.
-- Values:    dataset, hash
delete from snapshot s
using dataset d
where s.dataset = :dataset and s.hash = :hash and d.name = s.dataset and d.snapshot is distinct from s.hash

-- Statement: let a dataset point to one of its snapshots, and remember what the source looked like.
-- Values:    dataset, hash, source_fingerprint
with pointed as (update dataset set snapshot = :hash where name = :dataset)
update snapshot set source_fingerprint = :source_fingerprint where dataset = :dataset and hash = :hash

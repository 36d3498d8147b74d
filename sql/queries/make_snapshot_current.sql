-- Statement: let a dataset point to one of its snapshots, and remember its files and what the source looked like.
-- Values:    dataset, hash, sales_path, source_fingerprint
with pointed as (update dataset set snapshot = :hash where name = :dataset)
update snapshot set source_fingerprint = :source_fingerprint, sales_path = :sales_path
where dataset = :dataset and hash = :hash

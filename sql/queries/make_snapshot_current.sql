-- Statement: let a dataset point to one of its snapshots, and remember its files and what the source looked like.
-- Values:    dataset, hash, sales_path, bases (JSON text), source_fingerprint
with pointed as (update dataset set snapshot = :hash where name = :dataset)
update snapshot set source_fingerprint = :source_fingerprint, sales_path = :sales_path,
       bases = cast(:bases as jsonb)
where dataset = :dataset and hash = :hash

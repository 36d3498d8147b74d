-- Question: is there a snapshot with this content?
-- Grain:    one row, or none.
-- Values:   dataset, hash
select * from snapshot where dataset = :dataset and hash = :hash

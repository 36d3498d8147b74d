-- Question: what is on record of a batch?
-- Grain:    one row, or none.
-- Values:   batch_id
select * from batch where batch_id = :batch_id

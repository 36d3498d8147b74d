-- Question: what is on record of a comparison, which nobody else changes until the transaction ends?
-- Grain:    one row, or none.
-- Values:   run_id
select * from comparison where run_id = :run_id for update

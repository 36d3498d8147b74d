-- Question: what is on record of a comparison?
-- Grain:    one row, or none.
-- Values:   run_id
select * from comparison where run_id = :run_id

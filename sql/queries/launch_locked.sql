-- Question: is there such a launch? Nobody else changes it until the transaction ends.
-- Grain:    one row, or none.
-- Values:   launch_id
select launch_id from launch where launch_id = :launch_id for update

-- Question: which launches are parts of this one?
-- Grain:    one row per part.
-- Values:   launch_id
select launch_id from launch where part_of = :launch_id order by created_at

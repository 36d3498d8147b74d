-- Statement: forget a plan.
-- Values:    name
delete from plan where name = :name

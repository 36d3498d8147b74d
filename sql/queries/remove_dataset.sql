-- Statement: forget a dataset; its snapshots, series and results go with it.
-- Values:    name
delete from dataset where name = :name

-- Statement: forget what looked wrong in a dataset; it is looked at anew.
-- Values:    dataset
delete from quality_finding where dataset = :dataset

-- Statement: forget the verdicts of a dataset, before the new ones are written in the same transaction.
-- Values:    dataset
delete from availability where dataset = :dataset

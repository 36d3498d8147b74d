-- Statement: record where the panel of a snapshot lies.
-- Values:    dataset, hash, panel_path
update snapshot set panel_path = :panel_path where dataset = :dataset and hash = :hash

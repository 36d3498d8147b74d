-- Statement: record where the panel of a snapshot lies, and the folders of those that its files are changes of.
-- Values:    dataset, hash, panel_path, panel_bases (JSON text)
update snapshot set panel_path = :panel_path, panel_bases = cast(:panel_bases as jsonb)
where dataset = :dataset and hash = :hash

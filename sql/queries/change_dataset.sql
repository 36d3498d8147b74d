-- Statement: give a dataset another source and other options.
-- Values:    name, source, options
update dataset set source = cast(:source as jsonb), options = cast(:options as jsonb) where name = :name

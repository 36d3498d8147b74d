-- Question: which files and folders of the lake does any row refer to?
-- Grain:    one row per path.
-- Values:   none
select sales_path as path from snapshot
union select panel_path from snapshot where panel_path is not null
union select path from global_forecast
union select model_path from global_forecast
union select path from evaluation where path is not null

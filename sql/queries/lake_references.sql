-- Question: which files and folders of the lake does any row refer to?
-- Grain:    one row per path.
-- Values:   none
select sales_path as path from snapshot
-- What their files are changes of.
union select jsonb_array_elements_text(bases || panel_bases) from snapshot
-- The star schema of generated sales lies beside them, under the same name.
union select overlay(sales_path placing 'star' from 1 for length('sales')) from snapshot
-- So do the digests of what they were read from.
union select overlay(sales_path placing 'readings' from 1 for length('sales')) from snapshot
union select panel_path from snapshot where panel_path is not null
union select path from global_forecast
union select model_path from global_forecast
union select path from evaluation where path is not null
union select path from production_model where path is not null
union select path from forecast
union select folds_path from model_version where folds_path is not null
union select outputs ->> 'forecasts' from launch_item where outputs ->> 'forecasts' is not null
union select outputs ->> 'model' from launch_item where outputs ->> 'model' is not null
union select result -> 'training' ->> 'path' from launch where result -> 'training' ->> 'path' is not null

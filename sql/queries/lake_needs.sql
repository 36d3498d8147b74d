-- Question: which file or folder of the lake does each current result need?
-- Grain:    one row per result and path; ``key`` names the result within its kind and dataset.
-- Values:   none
select 'snapshot' as kind, s.dataset, s.hash as key, s.sales_path as path
from snapshot s join dataset d on d.name = s.dataset and d.snapshot = s.hash
union all
select 'snapshot', s.dataset, s.hash, s.panel_path
from snapshot s join dataset d on d.name = s.dataset and d.snapshot = s.hash
where s.panel_path is not null
union all
select 'snapshot', s.dataset, s.hash, jsonb_array_elements_text(s.bases || s.panel_bases)
from snapshot s join dataset d on d.name = s.dataset and d.snapshot = s.hash
union all
select 'evaluation', dataset, series, path from evaluation where path is not null
union all
select 'forecast', dataset, series, path from forecast where is_current
union all
select 'global_forecast', dataset, candidate, path from global_forecast where failure is null
union all
select 'production_model', dataset, candidate, path from production_model where path is not null

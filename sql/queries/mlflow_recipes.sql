-- Question: which is the lowest version of each model with the wanted recipe, in MLflow's own tables?
-- Grain:    one row per model that has one.
-- Values:   names, recipes (arrays, side by side)
select v.name, min(v.version) as version
from unnest(cast(:names as text[]), cast(:recipes as text[])) as wanted (name, recipe)
join model_version_tags t on t.name = wanted.name and t.key = 'recipe' and t.value = wanted.recipe
join model_versions v on v.workspace = t.workspace and v.name = t.name and v.version = t.version
where v.current_stage <> 'Deleted_Internal'
group by v.name

-- Statement: let an alias of each model mean a version that is there, in MLflow's own tables.
-- Values:    alias, names, versions (arrays, side by side, each model once)
insert into registered_model_aliases (workspace, name, alias, version)
select v.workspace, v.name, :alias, v.version
from unnest(cast(:names as text[]), cast(:versions as int[])) as w (name, version)
join model_versions v using (name, version)
where v.current_stage <> 'Deleted_Internal'
order by v.name
on conflict (workspace, name, alias) do update set version = excluded.version
returning name

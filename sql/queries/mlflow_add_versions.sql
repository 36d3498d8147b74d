-- Statement: add the next version to each model, in MLflow's own tables, as its client would.
-- Values:    names, sources, runs (arrays, side by side, each model once), now (milliseconds)
with wanted as (
    select * from unnest(cast(:names as text[]), cast(:sources as text[]), cast(:runs as text[])) as w (name, source, run_id)
), touched as (
    update registered_models m
    set last_updated_time = :now
    from wanted
    where m.name = wanted.name
    returning m.workspace, m.name
)
insert into model_versions
    (workspace, name, version, creation_time, last_updated_time, current_stage, source, storage_location, run_id, status)
select t.workspace, t.name,
       (
           select coalesce(max(v.version), 0) + 1
           from model_versions v
           where v.workspace = t.workspace and v.name = t.name
       ),
       :now, :now, 'None', w.source, w.source, w.run_id, 'READY'
from touched t
join wanted w using (name)
returning name, version

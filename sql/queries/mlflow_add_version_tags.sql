-- Statement: add tags to versions that were just made, in MLflow's own tables.
-- Values:    names, versions, keys, contents (arrays, side by side)
insert into model_version_tags (workspace, name, version, key, value)
select v.workspace, v.name, v.version, w.key, w.content
from unnest(cast(:names as text[]), cast(:versions as int[]), cast(:keys as text[]), cast(:contents as text[]))
    as w (name, version, key, content)
join model_versions v using (name, version)

-- Statement: change what a person says about a workspace; null keeps.
-- Values:    workspace_id, archived, pinned, notes, tags
update workspace
set archived = coalesce(:archived, archived), pinned = coalesce(:pinned, pinned),
    notes = coalesce(:notes, notes), tags = coalesce(cast(:tags as text[]), tags)
where workspace_id = :workspace_id

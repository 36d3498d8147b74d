-- Statement: forget a workspace.
-- Values:    workspace_id
delete from workspace where workspace_id = :workspace_id

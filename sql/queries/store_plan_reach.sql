-- Statement: remember how far ahead the plans of a dataset were known at its anchor.
-- Values:    dataset, plan_reach (JSON text)
update dataset set plan_reach = cast(:plan_reach as jsonb) where name = :dataset

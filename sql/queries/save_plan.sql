-- Statement: keep a plan under its name; nothing when the name is taken.
-- Values:    name, series, tags (array), assumptions (JSON text), sentences (JSON text), method, candidate, snapshot,
--            first_day, baseline (array), scenario (array), baseline_units, scenario_units, units_delta,
--            baseline_revenue, scenario_revenue, revenue_delta, coverage, run_id, limits (JSON text)
insert into plan (name, series, tags, assumptions, sentences, method, candidate, snapshot, first_day, baseline, scenario,
                  baseline_units, scenario_units, units_delta, baseline_revenue, scenario_revenue, revenue_delta,
                  coverage, run_id, limits)
values (:name, :series, :tags, cast(:assumptions as jsonb), cast(:sentences as jsonb), :method, :candidate, :snapshot,
        :first_day, :baseline, :scenario, :baseline_units, :scenario_units, :units_delta, :baseline_revenue,
        :scenario_revenue, :revenue_delta, :coverage, :run_id, cast(:limits as jsonb))
on conflict (name) do nothing

-- A showcase of release 0.1 with its parts, a comparison and a pipeline of every ending.
insert into workspace (workspace_id, run_id, name, status, preset, seed, dataset, config, created_objects,
                       result_summary, steps, notes, tags, completed_at)
values ('0123', '01-23', 'tour', 'failed', 'sparse', 1, 'shop', '{"preset": "sparse", "seed": 1}',
        '{"run_id": "01-23", "batch_id": "01-23-batch"}', '{"wall_clock_s": 1.5}',
        '[{"step": "precheck", "result": "pass", "sentence": "fine", "seconds": 0.1}]', 'look', '{a,b}', now());
insert into batch (batch_id, run_id, dataset, operation, scope, model_configs, settings, params, status,
                   total_items, completed_items, failed_items, max_parallel, default_child_priority,
                   cancel_requested_at)
values ('01-23-batch', '01-23', 'shop', 'backtest', '{"kind": "demo"}', '["naive"]', '{}', '{}', 'partial', 2, 1,
        1, 4, 1, now());
insert into batch_item (batch_id, parent_item_id, series, store_id, product_id, candidate, model_type, params,
                        status, priority, attempts, child_job_id, started_at, last_attempt_at, error_message,
                        error_type)
values ('01-23-batch', null, 'shop__S1__P1', 'S1', 'P1', 'naive', 'naive', '{}', 'failed', 1, 1, 'run', now(),
        now(), 'no sales', 'NoSales'),
       ('01-23-batch', null, 'shop__S1__P2', 'S1', 'P2', 'moving_average(window_size=3)', 'moving_average',
        '{"window_size": 3}', 'completed', 0, 1, 'run', now(), now(), null, null);
insert into batch_item (batch_id, parent_item_id, series, store_id, product_id, candidate, model_type, params,
                        status, priority, attempts, made)
select batch_id, item_id, series, store_id, product_id, candidate, model_type, params, 'failed', 1, 2,
       '{"model_version": 3}'
from batch_item
where error_type = 'NoSales';
insert into comparison (run_id, dataset, series, settings, status, total_candidates, completed_candidates,
                        failed_candidates, cancelled_candidates, laid_out, winner, result, error, completed_at)
values ('c1', 'shop', 'shop__S1__P1', '{"parallel": 2}', 'partial', 2, 1, 1, 0, '{"state": "ready", "x": null}',
        'naive', '{"ranking": [{"rank": null}]}', null, now()),
       ('c2', 'shop', 'shop__S1__P1', '{"parallel": 1}', 'failed', 1, 0, 1, 0, null, null, null, 'broken', now()),
       ('c3', 'shop', 'shop__S1__P1', '{}', 'running', 1, null, null, null, null, null, null, null, null);
insert into comparison_candidate (run_id, ordinal, candidate, status, metrics, forecasts, error, error_type,
                                  started_at)
values ('c1', 1, 'naive', 'completed', '{"wape": 1.5}', '[[1, null], [2, 3]]', null, null, now()),
       ('c1', 2, 'ets', 'failed', null, null, 'thirteen', 'ArithmeticError', now()),
       ('c2', 1, 'naive', 'failed', null, null, 'thirteen', 'ArithmeticError', now()),
       ('c3', 1, 'naive', 'running', null, null, null, null, now());
insert into pipeline_run (run_id, dataset, requested_by, mode, dry_run, request, guardrails, status, training,
                          chosen, summary, next_steps, error, finished_at)
values ('p1', 'shop', 'ann', 'simple', false, '{}', '{}', 'success', '{"path": "pipeline/x"}',
        '{"metrics": {"reason": null}}', 'trained', '["look"]', null, now()),
       ('p2', 'shop', 'ann', 'simple', true, '{}', '{}', 'stopped', null, null, 'dry run: it would', '[]', null, now()),
       ('p3', 'gone', 'bob', 'advanced', false, '{}', '{}', 'stopped', null, null,
        'stopped because somebody asked for it', '[]', null, now()),
       ('p4', 'shop', 'bob', 'advanced', false, '{}', '{}', 'error', null, null, 'it ended with a fault', '[]',
        '{"code": "Outage", "problem": "away"}', now()),
       ('p5', 'shop', 'bob', 'advanced', false, '{}', '{}', 'running', null, null, 'try', '[]', null, null);

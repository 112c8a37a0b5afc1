-- purpose: How much the store holds for this project, and how far it reaches, as one row.
-- column n_spans spans: stored
-- column n_calls calls: of these, model calls
-- column n_runs runs: eval runs
-- column first_started_at utc: the oldest call
-- column last_started_at utc: the newest call
-- column last_received_at utc: when the newest span arrived
select
    cast(count(*) as bigint) as n_spans,
    cast(count(*) filter (role = 'call') as bigint) as n_calls,
    (select cast(count(*) as bigint) from runs where project = $scope) as n_runs,
    min(started_at) filter (role = 'call') as first_started_at,
    max(started_at) filter (role = 'call') as last_started_at,
    max(received_at) as last_received_at
from spans
where project = $scope

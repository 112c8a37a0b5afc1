-- purpose: Every case of one run, both arms, for a paired comparison.
-- param run_id text: the run
-- column variant text: candidate or baseline
-- column case_id text: the case
-- column case_hash text: pins the case's content
-- column cluster_id text: what the case shares with others; NULL = its own cluster
-- column repeat count: which repeat
-- column metric text: the scorer
-- column score score: 0 to 1; NULL when missing
-- column status text: scored or missing
-- column detail text: why
-- column error_class text: of a missing one
-- column attempts count: physical attempts
-- column duration_ns ns: of the call
-- column output_hash text: to see that two outputs are equal without keeping them
-- column trace_id hex: the call's trace
-- column span_id hex: the call's span
select
    variant,
    case_id,
    case_hash,
    cluster_id,
    repeat,
    metric,
    score,
    status,
    detail,
    error_class,
    attempts,
    duration_ns,
    output_hash,
    trace_id,
    span_id
from results
where project = $scope and run_id = $run_id
order by case_id, variant, repeat, metric

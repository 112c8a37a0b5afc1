-- purpose: The cases of one run that the candidate answers better or worse than the baseline, worst first.
-- param run_id text: the run
-- param metric text: the scorer
-- param limit integer: how many rows
-- column case_id text: the case
-- column cluster_id text: what the case shares with others
-- column baseline_score score: mean of the baseline's repeats; NULL when missing
-- column candidate_score score: mean of the candidate's repeats; NULL when missing
-- column difference score: candidate minus baseline; NULL when either is missing
-- column baseline_detail text: why the baseline scored so
-- column candidate_detail text: why the candidate scored so, or why its score is missing
-- column n_repeats count: repeats of the candidate
-- column trace_id hex: a call of the candidate
with arms as (
    select
        case_id,
        any_value(cluster_id) as cluster_id,
        avg(score) filter (variant = 'baseline') as baseline_score,
        avg(score) filter (variant = 'candidate') as candidate_score,
        min_by(detail, repeat) filter (variant = 'baseline') as baseline_detail,
        min_by(coalesce(detail, error_class), repeat) filter (variant = 'candidate') as candidate_detail,
        count(*) filter (variant = 'candidate') as n_repeats,
        min_by(trace_id, repeat) filter (variant = 'candidate') as trace_id
    from results
    where project = $scope
        and run_id = $run_id
        and metric = $metric
    group by case_id
)

select
    case_id,
    cluster_id,
    baseline_score,
    candidate_score,
    candidate_score - baseline_score as difference,
    baseline_detail,
    candidate_detail,
    cast(n_repeats as bigint) as n_repeats,
    trace_id
from arms
where candidate_score is distinct from baseline_score
order by difference nulls last, case_id
limit $limit

-- purpose: The cases of one run that the candidate answers better or worse than its baseline, worst first.
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
with compared as (
    -- A run is compared with its own baseline arm, unless its newest verdict names another run: then with
    -- that run's candidate.
    select baseline_run_id
    from verdicts
    where project = $scope
        and run_id = $run_id
    qualify row_number() over (order by decided_at desc, verdict_id desc) = 1
),

answers as (
    select
        case when run_id = $run_id then variant else 'baseline' end as arm,
        case_id,
        cluster_id,
        repeat,
        score,
        coalesce(detail, error_class) as detail,
        trace_id
    from results
    where project = $scope
        and metric = $metric
        and (
            (run_id = $run_id and variant = 'candidate')
            or (run_id = $run_id and (select max(baseline_run_id) from compared) is null)
            or (run_id = (select max(baseline_run_id) from compared) and variant = 'candidate')
        )
),

paired as (
    select
        case_id,
        any_value(cluster_id) as cluster_id,
        avg(score) filter (arm = 'baseline') as baseline_score,
        avg(score) filter (arm = 'candidate') as candidate_score,
        min_by(detail, repeat) filter (arm = 'baseline') as baseline_detail,
        min_by(detail, repeat) filter (arm = 'candidate') as candidate_detail,
        count(*) filter (arm = 'baseline') as n_baseline,
        count(*) filter (arm = 'candidate') as n_candidate,
        min_by(trace_id, repeat) filter (arm = 'candidate') as trace_id
    from answers
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
    cast(n_candidate as bigint) as n_repeats,
    trace_id
from paired
where n_baseline > 0
    and n_candidate > 0
    and candidate_score is distinct from baseline_score
order by difference nulls last, case_id
limit $limit

-- purpose: What the two sides of an eval run differ by, one row a scorer: what an interval of the difference is made of.
-- param run_id text: the run whose candidate is judged
-- param against_run_id text optional: the run whose candidate it is compared with; not given = what its newest verdict rests on, else its own baseline arm
-- column metric text: the scorer
-- column n_paired cases: scored on both sides, with the same content on both
-- column n_units count: independent among them: cases, or the clusters that they share
-- column baseline_mean score: mean of the units' means
-- column candidate_mean score: mean of the units' means
-- column difference score: candidate minus baseline, mean over the units
-- column deviation score: sample standard deviation of the units' differences; NULL below two
-- column n_better cases: that the candidate answers better
-- column n_worse cases: that it answers worse
-- column is_pass_fail flag: every unit is one case, and every score 0 or 1
with answers as (
    select *
    from compared_answers($scope, $run_id, $against_run_id, null)
),

-- The repeats of a case are no independent evidence: their mean stands for them.
paired as (
    select
        metric,
        case_id,
        any_value(coalesce(cluster_id, case_id)) as cluster_id,
        avg(score) filter (arm = 'baseline') as baseline_score,
        avg(score) filter (arm = 'candidate') as candidate_score
    from answers
    group by metric, case_id
    -- Under one id two golden sets may hold different cases: those are not paired, as the gate does not pair them.
    having count(distinct case_hash) <= 1
        and avg(score) filter (arm = 'baseline') is not null
        and avg(score) filter (arm = 'candidate') is not null
),

units as (
    select
        metric,
        cluster_id,
        count(*) as n_cases,
        avg(baseline_score) as baseline_score,
        avg(candidate_score) as candidate_score,
        avg(candidate_score - baseline_score) as difference,
        count(*) filter (candidate_score > baseline_score) as n_better,
        count(*) filter (candidate_score < baseline_score) as n_worse,
        bool_and(candidate_score - baseline_score in (-1, 0, 1)) as is_whole
    from paired
    group by metric, cluster_id
)

select
    metric,
    cast(sum(n_cases) as bigint) as n_paired,
    cast(count(*) as bigint) as n_units,
    avg(baseline_score) as baseline_mean,
    avg(candidate_score) as candidate_mean,
    avg(difference) as difference,
    stddev_samp(difference) as deviation,
    cast(sum(n_better) as bigint) as n_better,
    cast(sum(n_worse) as bigint) as n_worse,
    max(n_cases) = 1 and bool_and(is_whole) as is_pass_fail
from units
group by metric
order by metric

-- purpose: Quality, time, tokens and cost of the two sides of an eval run, one row for each side and scorer.
-- param run_id text: the run whose candidate is judged
-- param against_run_id text optional: the run whose candidate it is compared with; not given = what its newest verdict rests on, else its own baseline arm
-- param metric text optional: only this scorer
-- column arm text: candidate or baseline
-- column metric text: the scorer
-- column run_id text: whose results these are
-- column prompt_version text: that was used
-- column provider text: who answered
-- column model text: which model
-- column n_cases cases: with results
-- column n_scores count: repeats with a score
-- column n_missing count: repeats without one
-- column mean score: of the cases' means; NULL when none is scored
-- column deviation score: sample standard deviation of the cases' means; NULL below two
-- column pass_share share: of the scored repeats at 0.5 or more
-- column p50_ns ns: median duration
-- column p95_ns ns: 95th percentile
-- column input_tokens tokens: known; NULL when none is known
-- column output_tokens tokens: known; NULL when none is known
-- column n_priced count: repeats whose call's cost is known
-- column cost_usd usd: known cost of those calls; NULL when none is known
-- column cost_per_1k_usd usd: of a thousand of them
with answers as (
    select *
    from compared_answers($scope, $run_id, $against_run_id, $metric)
),

cases as (
    select arm, metric, run_id, case_id, avg(score) as score
    from answers
    group by arm, metric, run_id, case_id
),

means as (
    select arm, metric, run_id, avg(score) as mean, stddev_samp(score) as deviation
    from cases
    group by arm, metric, run_id
),

sides as (
    select
        answers.arm,
        answers.metric,
        answers.run_id,
        count(distinct answers.case_id) as n_cases,
        count(answers.score) as n_scores,
        count(*) filter (answers.score is null) as n_missing,
        avg(case when answers.score is not null then cast(answers.score >= 0.5 as integer) end) as pass_share,
        quantile_cont(answers.duration_ns, [0.5, 0.95]) as durations,
        sum(answers.input_tokens) as input_tokens,
        sum(answers.output_tokens) as output_tokens,
        count(answers.effective_cost_usd) as n_priced,
        sum(answers.effective_cost_usd) as cost_usd
    from answers
    group by answers.arm, answers.metric, answers.run_id
)

select
    sides.arm,
    sides.metric,
    sides.run_id,
    case when sides.arm = 'baseline' and sides.run_id = $run_id then runs.baseline_version else runs.candidate_version end as prompt_version,
    runs.provider,
    runs.model,
    cast(sides.n_cases as bigint) as n_cases,
    cast(sides.n_scores as bigint) as n_scores,
    cast(sides.n_missing as bigint) as n_missing,
    means.mean,
    means.deviation,
    sides.pass_share,
    cast(sides.durations[1] as bigint) as p50_ns,
    cast(sides.durations[2] as bigint) as p95_ns,
    cast(sides.input_tokens as bigint) as input_tokens,
    cast(sides.output_tokens as bigint) as output_tokens,
    cast(sides.n_priced as bigint) as n_priced,
    cast(sides.cost_usd as decimal(38, 12)) as cost_usd,
    cast(cast(sides.cost_usd as double) * 1000 / nullif(sides.n_priced, 0) as decimal(38, 12)) as cost_per_1k_usd
from sides
inner join means on means.arm = sides.arm and means.metric = sides.metric and means.run_id = sides.run_id
left join runs on runs.run_id = sides.run_id and runs.project = $scope
order by sides.metric, sides.arm desc

-- purpose: Every case of one eval run beside its baseline: scores, why, time, tokens and cost of both; largest loss first.
-- param run_id text: the run whose candidate is judged
-- param against_run_id text optional: the run whose candidate it is compared with; not given = what its newest verdict rests on, else its own baseline arm
-- param metric text: the scorer
-- param changes text optional: regressed, improved, flipped (across 0.5), missing or same; not given = all
-- param limit integer optional: how many rows, 1,000 unless given
-- column case_id text: the case
-- column cluster_id text: what the case shares with others: its slice
-- column case_changed flag: the two runs had different content under this id: not the same case
-- column baseline_score score: mean of the baseline's repeats; NULL when missing
-- column candidate_score score: mean of the candidate's repeats; NULL when missing
-- column difference score: candidate minus baseline; NULL when either is missing
-- column n_baseline count: repeats of the baseline that were scored
-- column n_candidate count: repeats of the candidate that were scored
-- column baseline_detail text: why the baseline's first repeat scored so, or why its score is missing
-- column candidate_detail text: the same of the candidate
-- column same_output flag: the first repeats gave the same output, letter for letter
-- column baseline_ns ns: mean duration of the baseline
-- column candidate_ns ns: mean duration of the candidate
-- column baseline_tokens tokens: output of the baseline, all repeats
-- column candidate_tokens tokens: output of the candidate, all repeats
-- column baseline_cost_usd usd: known cost of the baseline's last attempts; NULL when none is known
-- column candidate_cost_usd usd: the same of the candidate
-- column baseline_trace_id hex: the first repeat's call, for its messages
-- column baseline_span_id hex: its span
-- column candidate_trace_id hex: the first repeat's call
-- column candidate_span_id hex: its span
with answers as (
    select *
    from compared_answers($scope, $run_id, $against_run_id, $metric)
),

paired as (
    select
        answers.case_id,
        any_value(answers.cluster_id) as cluster_id,
        count(distinct answers.case_hash) > 1 as case_changed,
        avg(score) filter (arm = 'baseline') as baseline_score,
        avg(score) filter (arm = 'candidate') as candidate_score,
        count(score) filter (arm = 'baseline') as n_baseline,
        count(score) filter (arm = 'candidate') as n_candidate,
        arg_min(coalesce(detail, error_class), repeat) filter (arm = 'baseline') as baseline_detail,
        arg_min(coalesce(detail, error_class), repeat) filter (arm = 'candidate') as candidate_detail,
        arg_min(output_hash, repeat) filter (arm = 'baseline') = arg_min(output_hash, repeat) filter (arm = 'candidate') as same_output,
        avg(duration_ns) filter (arm = 'baseline') as baseline_ns,
        avg(duration_ns) filter (arm = 'candidate') as candidate_ns,
        sum(output_tokens) filter (arm = 'baseline') as baseline_tokens,
        sum(output_tokens) filter (arm = 'candidate') as candidate_tokens,
        sum(answers.effective_cost_usd) filter (arm = 'baseline') as baseline_cost_usd,
        sum(answers.effective_cost_usd) filter (arm = 'candidate') as candidate_cost_usd,
        arg_min(answers.trace_id, repeat) filter (arm = 'baseline') as baseline_trace_id,
        arg_min(answers.span_id, repeat) filter (arm = 'baseline') as baseline_span_id,
        arg_min(answers.trace_id, repeat) filter (arm = 'candidate') as candidate_trace_id,
        arg_min(answers.span_id, repeat) filter (arm = 'candidate') as candidate_span_id
    from answers
    group by answers.case_id
)

select
    case_id,
    cluster_id,
    case_changed,
    baseline_score,
    candidate_score,
    candidate_score - baseline_score as difference,
    cast(n_baseline as bigint) as n_baseline,
    cast(n_candidate as bigint) as n_candidate,
    baseline_detail,
    candidate_detail,
    same_output,
    cast(baseline_ns as bigint) as baseline_ns,
    cast(candidate_ns as bigint) as candidate_ns,
    cast(baseline_tokens as bigint) as baseline_tokens,
    cast(candidate_tokens as bigint) as candidate_tokens,
    cast(baseline_cost_usd as decimal(38, 12)) as baseline_cost_usd,
    cast(candidate_cost_usd as decimal(38, 12)) as candidate_cost_usd,
    baseline_trace_id,
    baseline_span_id,
    candidate_trace_id,
    candidate_span_id
from paired
where $changes is null
    or case $changes
        when 'regressed' then candidate_score < baseline_score
        when 'improved' then candidate_score > baseline_score
        when 'flipped' then (candidate_score >= 0.5) <> (baseline_score >= 0.5)
        when 'missing' then candidate_score is null or baseline_score is null
        when 'same' then candidate_score = baseline_score
    end
order by difference nulls last, case_id
limit coalesce($limit, 1000)

-- purpose: Eval runs with their newest verdict, newest first.
-- param limit integer: how many rows
-- param run_id text optional: only this run
-- param prompt_name text optional: only runs of this prompt; empty text = suites that name none
-- column run_id ulid: the run
-- column suite text: the suite
-- column prompt_name text: the prompt under test
-- column candidate_version text: content hash of the candidate prompt
-- column baseline_version text: content hash of the baseline prompt
-- column golden_set text: the golden set
-- column golden_set_hash text: its content
-- column scorers_hash text: the scorers and their options
-- column status text: finished or interrupted
-- column provider text: who answered
-- column model text: which model
-- column started_at utc: when the run started
-- column n_cases cases: planned
-- column n_missing cases: without a score after retries
-- column verdict text: PASS, FAIL, INCONCLUSIVE; NULL = not decided
-- column reason text: why, in a sentence
-- column metric text: the gating metric
-- column margin score: the largest drop that would be shipped
-- column floor score: the lowest score that would be shipped
-- column n_paired cases: that the verdict rests on
-- column baseline_mean score: mean of the baseline
-- column candidate_mean score: mean of the candidate
-- column difference score: candidate minus baseline
-- column interval_low score: lower end of the interval of the difference
-- column interval_high score: upper end
-- column confidence share: two-sided confidence of the interval
-- column method text: how the interval was made
-- column n_better cases: that only the candidate passes
-- column n_worse cases: that only the baseline passes
-- column checks json: every check of the gate
-- column commit_sha text: the commit that was judged
-- column decided_at utc: when the verdict was given
-- column verdict_id text: the verdict, as the run's folder names it
-- column baseline_run_id text: the run whose candidate was the baseline; NULL = the run's own baseline arm
-- column n_verdicts count: how often it was decided: each is a look at the same evidence
with newest as (
    select *, count(*) over (partition by run_id) as n_verdicts
    from verdicts
    where project = $scope
    qualify row_number() over (partition by run_id order by decided_at desc, verdict_id desc) = 1
)
select
    runs.run_id,
    runs.suite,
    runs.prompt_name,
    runs.candidate_version,
    coalesce(newest.baseline_version, runs.baseline_version) as baseline_version,
    runs.golden_set,
    runs.golden_set_hash,
    runs.scorers_hash,
    runs.status,
    runs.provider,
    runs.model,
    runs.started_at,
    runs.n_cases,
    runs.n_missing,
    newest.verdict,
    newest.reason,
    newest.metric,
    newest.margin,
    newest.floor,
    newest.n_cases as n_paired,
    newest.baseline_mean,
    newest.candidate_mean,
    newest.difference,
    newest.interval_low,
    newest.interval_high,
    newest.confidence,
    newest.method,
    newest.n_better,
    newest.n_worse,
    newest.checks,
    runs.commit_sha,
    newest.decided_at,
    newest.verdict_id,
    newest.baseline_run_id,
    cast(coalesce(newest.n_verdicts, 0) as bigint) as n_verdicts
from runs
left join newest on newest.run_id = runs.run_id
where runs.project = $scope
    and ($run_id is null or runs.run_id = $run_id)
    and ($prompt_name is null or coalesce(runs.prompt_name, '') = $prompt_name)
order by runs.started_at desc, runs.run_id desc
limit $limit

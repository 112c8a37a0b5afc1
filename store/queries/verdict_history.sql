-- purpose: Every verdict of the gates, newest first, for a timeline by prompt.
-- param since time optional: from this moment on
-- param until time optional: up to, not including, this moment
-- param prompt_name text optional: only this prompt; empty text = suites that name none
-- param limit integer optional: how many rows, 500 unless given
-- column decided_at utc: when it was given
-- column verdict_id text: the verdict
-- column run_id text: the run that was judged
-- column suite text: what was run
-- column prompt_name text: the prompt under test
-- column candidate_version text: of the prompt
-- column baseline_version text: that it was compared with
-- column model text: which model answered
-- column commit_sha text: the commit that was judged
-- column verdict text: PASS, FAIL or INCONCLUSIVE
-- column reason text: why, in a sentence
-- column metric text: the gating metric
-- column n_cases cases: that it rests on
-- column difference score: candidate minus baseline
-- column interval_low score: lower end of the interval of the difference
-- column interval_high score: upper end
-- column confidence share: two-sided confidence of the interval
-- column is_newest flag: of its suite and prompt: what holds now
select
    verdicts.decided_at,
    verdicts.verdict_id,
    verdicts.run_id,
    coalesce(verdicts.suite, runs.suite) as suite,
    coalesce(verdicts.prompt_name, runs.prompt_name) as prompt_name,
    coalesce(verdicts.candidate_version, runs.candidate_version) as candidate_version,
    coalesce(verdicts.baseline_version, runs.baseline_version) as baseline_version,
    runs.model,
    runs.commit_sha,
    verdicts.verdict,
    verdicts.reason,
    verdicts.metric,
    verdicts.n_cases,
    verdicts.difference,
    verdicts.interval_low,
    verdicts.interval_high,
    verdicts.confidence,
    row_number() over (
        partition by coalesce(verdicts.suite, runs.suite), coalesce(verdicts.prompt_name, runs.prompt_name)
        order by verdicts.decided_at desc, verdicts.verdict_id desc
    ) = 1 as is_newest
from verdicts
left join runs on runs.run_id = verdicts.run_id and runs.project = $scope
where verdicts.project = $scope
    and ($since is null or verdicts.decided_at >= $since)
    and ($until is null or verdicts.decided_at < $until)
    and ($prompt_name is null or coalesce(verdicts.prompt_name, runs.prompt_name, '') = $prompt_name)
order by verdicts.decided_at desc, verdicts.verdict_id desc
limit coalesce($limit, 500)

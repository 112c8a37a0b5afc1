-- purpose: What evaluations and feedback said of calls, by prompt version and evaluation; results of eval runs are elsewhere (`run_arms`).
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param prompt_name text optional: only this prompt; empty text = calls that name none
-- param evaluation text optional: only results of this evaluation
-- param model text optional: only this model; empty text = calls that name none
-- param tenant_id text optional: only calls of this tenant; empty text = calls without a tenant
-- param environment text optional: only this environment; empty text = calls that name none
-- column prompt_name text: of the call; NULL = it names none, or is not stored
-- column prompt_version text: of the call
-- column evaluation text: which one
-- column source text: otlp, eval or person
-- column n_scores count: results, those without a number included
-- column n_values count: with a number
-- column mean score: of the numbers; NULL when there is none
-- column deviation score: sample standard deviation of the numbers; NULL below two
-- column lowest score: of the numbers
-- column highest score: of the numbers
-- column labels json: how often each word was given
-- column n_failed count: evaluations that failed themselves
with asked as (
    select *
    from scores
    where project = $scope
        and occurred_at >= $since
        and occurred_at < $until
        and ($evaluation is null or name = $evaluation)
),

-- By span where the score names one, else by response id: two joins on equality instead of one on `or`. People score late: a call
-- is looked for up to 90 days before the window.
calls_of_scores as (
    select asked.score_id, any_value(spans.prompt_name) as prompt_name, any_value(spans.prompt_version) as prompt_version,
        any_value(coalesce(spans.model_answered, spans.model_requested)) as model, any_value(spans.tenant_id) as tenant_id,
        any_value(spans.environment) as environment
    from asked
    inner join spans on spans.trace_id = asked.trace_id and spans.span_id = asked.span_id
    where spans.project = $scope
        and spans.started_at >= cast($since as timestamp) - interval 90 day
        and spans.started_at < $until
    group by asked.score_id
    union all
    select asked.score_id, arg_min(spans.prompt_name, spans.started_at), arg_min(spans.prompt_version, spans.started_at),
        arg_min(coalesce(spans.model_answered, spans.model_requested), spans.started_at),
        arg_min(spans.tenant_id, spans.started_at), arg_min(spans.environment, spans.started_at)
    from asked
    inner join spans on spans.response_id = asked.response_id
    where spans.project = $scope
        and asked.span_id is null
        and spans.role = 'call'
        and spans.started_at >= cast($since as timestamp) - interval 90 day
        and spans.started_at < $until
    group by asked.score_id
)

select
    calls_of_scores.prompt_name,
    calls_of_scores.prompt_version,
    asked.name as evaluation,
    asked.source,
    cast(count(*) as bigint) as n_scores,
    cast(count(asked.value) as bigint) as n_values,
    avg(asked.value) as mean,
    stddev_samp(asked.value) as deviation,
    min(asked.value) as lowest,
    max(asked.value) as highest,
    cast(to_json(histogram(asked.label)) as varchar) as labels,
    cast(count(asked.error_type) as bigint) as n_failed
from asked
left join calls_of_scores on calls_of_scores.score_id = asked.score_id
where ($prompt_name is null or coalesce(calls_of_scores.prompt_name, '') = $prompt_name)
    and ($model is null or coalesce(calls_of_scores.model, '') = $model)
    and ($tenant_id is null or coalesce(calls_of_scores.tenant_id, '') = $tenant_id)
    and ($environment is null or coalesce(calls_of_scores.environment, '') = $environment)
group by calls_of_scores.prompt_name, calls_of_scores.prompt_version, asked.name, asked.source
order by calls_of_scores.prompt_name nulls last, calls_of_scores.prompt_version, evaluation, asked.source

-- purpose: The newest evaluation results, with the call that each is about.
-- param limit integer: how many rows
-- param since time optional: from this moment on
-- param until time optional: up to, not including, this moment
-- param evaluation text optional: only results of this evaluation
-- column occurred_at utc: when it was evaluated
-- column name text: which evaluation
-- column value score: the number it gave; NULL when it gave none
-- column label text: the word it gave: pass, relevant, …
-- column error_type text: why the evaluation itself failed
-- column source text: otlp, eval or person
-- column evaluator text: what evaluated
-- column model text: the model of the call, NULL when the call is not stored
-- column prompt_name text: which prompt the call used
-- column prompt_version text: which version of it
-- column response_id text: the response that it names
-- column trace_id hex: the trace of the call, else the one that it names
-- column span_id hex: the span of the call, else the one that it names
with wanted as (
    select *
    from scores
    where project = $scope
        and ($since is null or occurred_at >= $since)
        and ($until is null or occurred_at < $until)
        and ($evaluation is null or name = $evaluation)
    order by occurred_at desc, score_id
    limit $limit
),
-- By span where the score names one, else by response id: two joins on equality instead of one on `or`.
by_span as (
    select
        wanted.score_id,
        coalesce(spans.model_answered, spans.model_requested) as model,
        spans.prompt_name,
        spans.prompt_version
    from wanted
    join spans on spans.project = wanted.project and spans.trace_id = wanted.trace_id and spans.span_id = wanted.span_id
),
by_response as (
    select
        wanted.score_id,
        arg_min(coalesce(spans.model_answered, spans.model_requested), spans.started_at) as model,
        arg_min(spans.prompt_name, spans.started_at) as prompt_name,
        arg_min(spans.prompt_version, spans.started_at) as prompt_version,
        arg_min(spans.trace_id, spans.started_at) as trace_id,
        arg_min(spans.span_id, spans.started_at) as span_id
    from wanted
    join spans on spans.project = wanted.project and spans.response_id = wanted.response_id
    where spans.role = 'call'
    group by wanted.score_id
)
select
    wanted.occurred_at,
    wanted.name,
    wanted.value,
    wanted.label,
    wanted.error_type,
    wanted.source,
    wanted.evaluator,
    coalesce(by_span.model, by_response.model) as model,
    coalesce(by_span.prompt_name, by_response.prompt_name) as prompt_name,
    coalesce(by_span.prompt_version, by_response.prompt_version) as prompt_version,
    wanted.response_id,
    replace(cast(coalesce(wanted.trace_id, by_response.trace_id) as varchar), '-', '') as trace_id,
    case
        when coalesce(wanted.span_id, by_response.span_id) is not null
            then printf('%016x', coalesce(wanted.span_id, by_response.span_id))
    end as span_id
from wanted
left join by_span on by_span.score_id = wanted.score_id
left join by_response on by_response.score_id = wanted.score_id
order by wanted.occurred_at desc, wanted.score_id

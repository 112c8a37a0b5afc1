-- purpose: Evaluation results and feedback about the calls of one trace, by span, by response id or about the trace as a whole.
-- param trace_id text: the trace, 32 hex digits
-- column occurred_at utc: when it was evaluated
-- column name text: which evaluation
-- column value score: the number it gave; NULL when it gave none
-- column label text: the word it gave: pass, relevant, …
-- column error_type text: why the evaluation itself failed
-- column source text: otlp, eval or person
-- column evaluator text: what evaluated
-- column span_id hex: the call that it is about; NULL = the whole trace
-- column response_id text: the response that it names
-- column run_id text: the eval run it belongs to
-- column case_id text: the case of it
with own as (
    select span_id, response_id
    from spans
    where project = $scope
        and trace_id = try_cast($trace_id as uuid)
        and role = 'call'
),

answered as (
    select response_id, min(span_id) as span_id
    from own
    where response_id is not null
    group by response_id
),

found as (
    select *
    from scores
    where project = $scope
        and trace_id = try_cast($trace_id as uuid)
    union all
    select *
    from scores
    where project = $scope
        and trace_id is null
        and response_id in (select response_id from answered)
)

select
    found.occurred_at,
    found.name,
    found.value,
    found.label,
    found.error_type,
    found.source,
    found.evaluator,
    case
        when coalesce(found.span_id, answered.span_id) is not null then printf('%016x', coalesce(found.span_id, answered.span_id))
    end as span_id,
    found.response_id,
    found.run_id,
    found.case_id
from found
left join answered on answered.response_id = found.response_id
order by found.occurred_at, found.name, found.score_id

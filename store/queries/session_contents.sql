-- purpose: What was captured of one conversation's messages, redacted, in the order of its calls.
-- param session_id text: the conversation
-- param limit integer optional: how many bodies, 500 unless given
-- param since time optional: from this moment on
-- param until time optional: up to, not including, this moment
-- column place count: of the call in the conversation, as in `session_turns` over the same window
-- column trace_id hex: the call's trace
-- column span_id hex: the call's span
-- column occurred_at utc: when
-- column source text: span, event, log or status
-- column key text: the attribute it came in: gen_ai.input.messages, gen_ai.output.messages, …
-- column body text: what was said, redacted
-- column n_redactions count: places that were blanked out
-- column n_cut_characters count: beyond the limit of one body, not stored
with asked as (
    select
        trace_id,
        span_id,
        row_number() over (order by started_at, printf('%016x', span_id)) as place
    from spans
    where project = $scope
        and role = 'call'
        and session_id = $session_id
        and ($since is null or started_at >= $since)
        and ($until is null or started_at < $until)
)

select
    cast(asked.place as bigint) as place,
    replace(cast(asked.trace_id as varchar), '-', '') as trace_id,
    printf('%016x', asked.span_id) as span_id,
    contents.occurred_at,
    contents.source,
    contents.key,
    contents.body,
    contents.n_redactions,
    contents.n_cut_characters
from contents
inner join asked on asked.trace_id = contents.trace_id and asked.span_id = contents.span_id
where contents.project = $scope
order by asked.place, contents.occurred_at, contents.source, contents.key
limit coalesce($limit, 500)

-- purpose: The attempts of the logical request that one call belongs to, first to last; a call that was not retried is its only one.
-- param trace_id text: the trace of one of them
-- param span_id text: its span
-- column attempt count: its number, as recorded, else its place in time
-- column is_asked flag: the call that was asked for
-- column started_at utc: when it started
-- column offset_ns ns: since the first attempt started
-- column waited_ns ns: between the end of the attempt before and its start; NULL for the first, and when they overlap
-- column duration_ns ns: from request to last byte
-- column ttft_ns ns: to the first token; NULL = not known
-- column provider text: who served it
-- column model text: the model that answered, else the one asked for
-- column region text: where
-- column status text: ok or error
-- column error_class text: what kind of failure
-- column error_type text: in the provider's own words
-- column http_status count: of the answer
-- column finish_reason text: why the answer ended
-- column cache_hit flag: answered from a response cache
-- column input_tokens tokens: total input
-- column output_tokens tokens: total output
-- column cost_usd usd: what we pay for it; NULL when it could not be priced
-- column cost_status text: why cost_usd is what it is
-- column request_id text: what they share
-- column trace_id hex: its trace
-- column span_id hex: its span
with asked as (
    select request_id, started_at
    from spans
    where project = $scope
        and trace_id = try_cast($trace_id as uuid)
        and printf('%016x', span_id) = lower($span_id)
        and role = 'call'
),

-- Those of one request may be in other traces; they are looked for within a day.
attempts as (
    select *
    from spans
    where project = $scope
        and role = 'call'
        and trace_id = try_cast($trace_id as uuid)
        and (printf('%016x', span_id) = lower($span_id) or request_id = (select max(request_id) from asked))
    union all
    select *
    from spans
    where project = $scope
        and role = 'call'
        and trace_id <> try_cast($trace_id as uuid)
        and request_id = (select max(request_id) from asked)
        and started_at >= (select min(started_at) from asked) - interval 1 day
        and started_at < (select min(started_at) from asked) + interval 1 day
)

select
    cast(coalesce(attempt, row_number() over in_order) as bigint) as attempt,
    printf('%016x', span_id) = lower($span_id) and trace_id = try_cast($trace_id as uuid) as is_asked,
    started_at,
    cast(date_diff('microsecond', min(started_at) over (), started_at) * 1000 as bigint) as offset_ns,
    cast(case
        when started_at >= lag(started_at) over in_order + to_microseconds(cast(lag(duration_ns) over in_order // 1000 as bigint))
            then date_diff('microsecond', lag(started_at) over in_order, started_at) * 1000 - lag(duration_ns) over in_order
    end as bigint) as waited_ns,
    duration_ns,
    ttft_ns,
    coalesce(host_provider, provider) as provider,
    coalesce(model_answered, model_requested) as model,
    region,
    status,
    error_class,
    error_type,
    http_status,
    finish_reason,
    cache_hit,
    input_tokens,
    output_tokens,
    cast(effective_cost_usd as decimal(38, 12)) as cost_usd,
    cost_status,
    request_id,
    replace(cast(trace_id as varchar), '-', '') as trace_id,
    printf('%016x', span_id) as span_id
from attempts
window in_order as (order by attempt, started_at, span_id)
order by attempts.attempt, started_at, attempts.span_id

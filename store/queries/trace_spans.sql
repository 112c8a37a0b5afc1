-- purpose: Every span of one trace, calls or not, in the order of a waterfall: a span's children below it, oldest first.
-- param trace_id text: the trace, 32 hex digits
-- param limit integer optional: how many spans, 2,000 unless given
-- column span_id hex: the span
-- column parent_span_id hex: the one it says it is part of; NULL = none
-- column depth count: 0 = no parent in this trace
-- column place count: 1 = the first line of the waterfall
-- column is_orphan flag: names a parent that is not stored
-- column n_spans spans: of the whole trace, beyond the limit too
-- column offset_ns ns: since the first span of the trace started
-- column duration_ns ns: how long it took
-- column started_at utc: when it started
-- column span_name text: its name
-- column span_kind text: client, server, …
-- column role text: call, duplicate, wrapper, carrier or context: only calls are counted and priced
-- column duplicate_of hex: the span that counts instead
-- column doubt text: why it may be counted twice
-- column service_name text: who sent it
-- column emitter text: which instrumentation
-- column status text: ok or error
-- column error_class text: what kind of failure
-- column error_type text: in the emitter's own words
-- column http_status count: of the answer
-- column operation text: of a call: chat, embeddings, …
-- column provider text: of a call
-- column model text: that answered, else the one asked for
-- column request_id text: what attempts of one request share; NULL = the only one known
-- column attempt count: of its request
-- column ttft_ns ns: to the first token
-- column input_tokens tokens: total input; NULL when not known
-- column cached_input_tokens tokens: of those, read from the provider's cache
-- column output_tokens tokens: total output
-- column cost_usd usd: what we pay for the call; NULL when it could not be priced or is no call
-- column cost_status text: why cost_usd is what it is
-- column cache_hit flag: answered from a response cache
-- column finish_reason text: why the answer ended
-- column tool_calls count: that the answer asks for
-- column prompt_name text: which prompt
-- column prompt_version text: which version of it
-- column tenant_id text: whom the call was for
-- column session_id text: the conversation
-- column user_id text: who asked
-- column n_events count: events of the span
with recursive own as (
    select *
    from spans
    where project = $scope
        and trace_id = try_cast($trace_id as uuid)
),

-- A span whose parent is not stored stands at the top as well; so does one that says it is its own parent.
tops as (
    select own.span_id
    from own
    left join own as parent on parent.span_id = own.parent_span_id and parent.span_id <> own.span_id
    where parent.span_id is null
),

below as (
    select
        own.span_id,
        0 as depth,
        strftime(own.started_at, '%Y%m%d%H%M%S%f') || printf('%016x', own.span_id) as path
    from own
    where own.span_id in (select span_id from tops)
    union all
    -- What calls itself its own ancestor is not reached at all, and so deep a trace is not drawn.
    select
        own.span_id,
        below.depth + 1,
        below.path || '/' || strftime(own.started_at, '%Y%m%d%H%M%S%f') || printf('%016x', own.span_id)
    from below
    inner join own on own.parent_span_id = below.span_id and own.span_id <> below.span_id
    where below.depth < 200
),

placed as (
    select
        own.*,
        below.depth,
        below.path
    from own
    left join below on below.span_id = own.span_id
)

select
    printf('%016x', span_id) as span_id,
    case when parent_span_id is not null then printf('%016x', parent_span_id) end as parent_span_id,
    cast(coalesce(depth, 0) as bigint) as depth,
    cast(row_number() over (order by path nulls last, started_at, span_id) as bigint) as place,
    parent_span_id is not null and parent_span_id not in (select span_id from own) as is_orphan,
    cast(count(*) over () as bigint) as n_spans,
    cast(date_diff('microsecond', min(started_at) over (), started_at) * 1000 as bigint) as offset_ns,
    duration_ns,
    started_at,
    span_name,
    span_kind,
    role,
    case when duplicate_of is not null then printf('%016x', duplicate_of) end as duplicate_of,
    doubt,
    service_name,
    emitter,
    status,
    error_class,
    error_type,
    http_status,
    operation,
    provider,
    coalesce(model_answered, model_requested) as model,
    request_id,
    attempt,
    ttft_ns,
    input_tokens,
    cached_input_tokens,
    output_tokens,
    cast(case when role = 'call' then effective_cost_usd end as decimal(38, 12)) as cost_usd,
    case when role = 'call' then cost_status end as cost_status,
    cache_hit,
    finish_reason,
    tool_calls,
    prompt_name,
    prompt_version,
    coalesce(attributed_tenant_id, tenant_id) as tenant_id,
    session_id,
    user_id,
    cast(coalesce(json_array_length(events), 0) as bigint) as n_events
from placed
order by place
limit coalesce($limit, 2000)

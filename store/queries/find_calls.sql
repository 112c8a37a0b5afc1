-- purpose: What an id is: a trace, span, request, response, session, or user, with what is stored of it.
-- param id text: the whole id, as it stands in a log or a ticket
-- param since time optional: from this moment on
-- param until time optional: up to, not including, this moment
-- column kind text: trace_id, span_id, request_id, response_id, session_id or user_id
-- column id text: as it is stored
-- column n_calls calls: of it
-- column n_traces count: that it is in
-- column first_at utc: its oldest call or span
-- column last_at utc: its newest
-- column trace_id hex: the newest trace
-- column span_id hex: its newest call or span
-- column cost_usd usd: known costs of its calls; NULL when none is known
with wanted as (
    -- Ids of OpenTelemetry are hex of 32 and 16 digits; only what looks like one is looked for among them.
    select
        case when regexp_full_match(trim($id), '[0-9a-fA-F-]{32,36}') then try_cast(trim($id) as uuid) end as trace_id,
        case when regexp_full_match(trim($id), '[0-9a-fA-F]{16}') then try_cast('0x' || trim($id) as ubigint) end as span_id
),

found as (
    select 'trace_id' as kind, replace(cast(trace_id as varchar), '-', '') as id, started_at, trace_id, span_id, role, effective_cost_usd
    from spans
    where project = $scope
        and trace_id = (select trace_id from wanted)
        and ($since is null or started_at >= $since)
        and ($until is null or started_at < $until)
    union all
    select 'span_id', printf('%016x', span_id), started_at, trace_id, span_id, role, effective_cost_usd
    from spans
    where project = $scope
        and span_id = (select span_id from wanted)
        and ($since is null or started_at >= $since)
        and ($until is null or started_at < $until)
    union all
    select
        case trim($id)
            when response_id then 'response_id'
            when session_id then 'session_id'
            when user_id then 'user_id'
            else 'request_id'
        end,
        trim($id), started_at, trace_id, span_id, role, effective_cost_usd
    from spans
    where project = $scope
        and role = 'call'
        and (response_id = trim($id) or session_id = trim($id) or user_id = trim($id) or request_id = trim($id))
        and ($since is null or started_at >= $since)
        and ($until is null or started_at < $until)
)

select
    kind,
    id,
    cast(count(*) filter (role = 'call') as bigint) as n_calls,
    cast(count(distinct trace_id) as bigint) as n_traces,
    min(started_at) as first_at,
    max(started_at) as last_at,
    replace(cast(arg_max(trace_id, started_at) as varchar), '-', '') as trace_id,
    printf('%016x', arg_max(span_id, started_at)) as span_id,
    cast(sum(effective_cost_usd) filter (role = 'call') as decimal(38, 12)) as cost_usd
from found
group by kind, id
order by n_calls desc, kind

-- purpose: The calls of one conversation in their order, each with what it cost and whether its context was cut short.
-- param session_id text: the conversation
-- param limit integer optional: how many, 500 unless given
-- param since time optional: from this moment on
-- param until time optional: up to, not including, this moment
-- param windows text optional: sizes of context windows in tokens, as JSON: model -> tokens (what is not JSON says nothing)
-- column place count: 1 = the first call
-- column turn count: number of its trace in the conversation: calls of one trace answer one message, as a rule
-- column started_at utc: when the call started
-- column waited_ns ns: since the call before ended; NULL for the first, and when they overlap
-- column duration_ns ns: from request to last byte
-- column trace_id hex: the trace
-- column span_id hex: the span
-- column status text: ok or error
-- column error_class text: what kind of failure
-- column operation text: chat, embeddings, …
-- column provider text: who sold it
-- column model text: the model that answered, else the one asked for
-- column prompt_name text: which prompt
-- column prompt_version text: which version of it
-- column agent_name text: which agent
-- column user_id text: who asked
-- column tenant_id text: whom it was for
-- column attempt count: of its request; NULL = the only one known
-- column cache_hit flag: answered from a response cache
-- column tool_calls count: that the answer asks for
-- column finish_reason text: why the answer ended
-- column input_tokens tokens: total input, cached and written included
-- column cached_input_tokens tokens: of those, read from the provider's cache
-- column output_tokens tokens: total output, reasoning included
-- column context_tokens tokens: input and output together: what the model had in view at the end
-- column window_tokens tokens: the model's window, as `windows` says; NULL = not known
-- column truncation text: length = ended at a limit of tokens; shrunk = a tenth less input than the call before of the same model and prompt; near_window = 90 % of the window used; NULL = none seen
-- column cost_usd usd: what we pay for it (effective); NULL when it could not be priced
-- column cost_status text: why cost_usd is what it is
with asked as (
    select *
    from calls
    where project = $scope
        and session_id = $session_id
        and ($since is null or started_at >= $since)
        and ($until is null or started_at < $until)
),

traces as (
    select trace_id, row_number() over (order by min(started_at), trace_id) as turn
    from asked
    group by trace_id
),

measured as (
    select
        asked.*,
        traces.turn,
        coalesce(asked.model_answered, asked.model_requested) as model,
        asked.input_tokens + coalesce(asked.output_tokens, 0) as context_tokens,
        case when json_valid($windows) then coalesce(
            try_cast(json_extract_string($windows, json_pointer(asked.model_answered)) as bigint),
            try_cast(json_extract_string($windows, json_pointer(asked.model_requested)) as bigint)
        ) end as window_tokens,
        row_number() over (order by asked.started_at, asked.span_id) as place,
        lag(asked.started_at) over (order by asked.started_at, asked.span_id) as before_at,
        lag(asked.duration_ns) over (order by asked.started_at, asked.span_id) as before_ns,
        lag(asked.input_tokens) over (
            partition by coalesce(asked.model_answered, asked.model_requested), asked.prompt_name, asked.agent_name
            order by asked.started_at, asked.span_id
        ) as before_tokens
    from asked
    inner join traces on traces.trace_id = asked.trace_id
)

select
    cast(place as bigint) as place,
    cast(turn as bigint) as turn,
    started_at,
    cast(case
        when date_diff('microsecond', before_at, started_at) * 1000 >= before_ns
            then date_diff('microsecond', before_at, started_at) * 1000 - before_ns
    end as bigint) as waited_ns,
    duration_ns,
    trace_id,
    span_id,
    status,
    error_class,
    operation,
    provider,
    model,
    prompt_name,
    prompt_version,
    agent_name,
    user_id,
    tenant_id,
    attempt,
    cache_hit,
    tool_calls,
    finish_reason,
    input_tokens,
    cached_input_tokens,
    output_tokens,
    cast(context_tokens as bigint) as context_tokens,
    window_tokens,
    case
        when finish_reason = 'length' then 'length'
        when context_tokens * 10 >= window_tokens * 9 then 'near_window'
        -- A conversation grows; when its input shrinks, what was said earlier was left out or summed up.
        when input_tokens * 10 < before_tokens * 9 then 'shrunk'
    end as truncation,
    cast(effective_cost_usd as decimal(38, 12)) as cost_usd,
    cost_status
from measured
order by measured.place
limit coalesce($limit, 500)

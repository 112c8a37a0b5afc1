-- purpose: The calls that match, newest first or those with most of something first, a page at a time.
-- param limit integer: how many rows
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param sort text optional: time (newest first, unless given), cost, duration, tokens or ttft (most first; calls without come last)
-- param after text optional: the `position` of the last row of the page before
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls that name none
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- param prompt_version text optional: only this version of a prompt
-- param provider text optional: only this provider
-- param service_name text optional: only calls that this service sent
-- param status text optional: ok or error
-- param error_class text optional: only failures of this kind
-- param cost_status text optional: priced, free, cache_hit, unpriced_model, unpriced_unit, no_usage or conflict
-- param kind text optional: retried, cache_hit, truncated, streamed, tool_calls, unpriced, estimated or doubtful
-- param min_duration_ms integer optional: at least so long
-- param min_cost_usd text optional: at least so dear: a decimal number
-- param min_tokens integer optional: at least so many, input and output together
-- param attribute text optional: only calls whose span or resource has this attribute
-- param attribute_value text optional: with this value, whole
-- param find text optional: only calls with this trace, span, request, response, session or user id, or this text in what they say (`call_says`)

-- column started_at utc: when the call started
-- column trace_id hex: the trace
-- column span_id hex: the span
-- column status text: ok or error
-- column error_class text: what kind of failure
-- column error_type text: in the emitter's own words
-- column http_status count: of the answer
-- column duration_ns ns: from request to last byte
-- column ttft_ns ns: to the first token; NULL = not known
-- column tenant_id text: whom the call was for
-- column environment text: where it ran
-- column service_name text: which service sent it
-- column operation text: chat, embeddings, …
-- column provider text: who sold it
-- column model text: the model that answered, else the one asked for
-- column prompt_name text: which prompt
-- column prompt_version text: which version of it
-- column feature text: of our user's product
-- column session_id text: the conversation
-- column user_id text: who asked
-- column input_tokens tokens: total input, cached and written included
-- column cached_input_tokens tokens: of those, read from the provider's cache
-- column output_tokens tokens: total output, reasoning included
-- column cost_usd usd: what we pay for it (effective); NULL when it could not be priced
-- column cost_status text: why cost_usd is what it is
-- column cost_estimated flag: the cost rests on something that telemetry or the card does not tell
-- column attempt count: of its request; NULL = the only one known
-- column cache_hit flag: answered from a response cache
-- column finish_reason text: why the answer ended
-- column tool_calls count: that the answer asks for
-- column dims json: its values in the dimensions of your own
-- column position text: where the next page begins, as `after`
with newest as (
    select
        started_at,
        trace_id,
        span_id,
        cast(null as double) as amount,
        strftime(started_at, '%Y-%m-%dT%H:%M:%S.%f') as sort_key
    from calls_searched(
        $scope, $since, $until, $tenant_id, $model, $environment, $prompt_name, $prompt_version, $dimension, $dimension_value,
        $provider, $service_name, $status, $error_class, $cost_status, $kind, $min_duration_ms, $min_cost_usd, $min_tokens,
        $attribute, $attribute_value
    )
    where coalesce($sort, 'time') = 'time'
        and ($find is null or call_says(
            $find, trace_id, span_id, request_id, response_id, session_id, user_id, span_name, error_type, attributes, resource
        ))
        -- Alone, so that it prunes; the rows of that very microsecond are told apart by the next lines.
        and ($after is null or started_at <= cast(split_part($after, '/', 1) as timestamp))
        and (
            $after is null
            or started_at < cast(split_part($after, '/', 1) as timestamp)
            or (trace_id, span_id) > (cast(split_part($after, '/', 2) as uuid), cast(split_part($after, '/', 3) as ubigint))
        )
    order by started_at desc, trace_id, span_id
    limit $limit
),

measured as (
    select
        started_at,
        trace_id,
        span_id,
        coalesce(cast(case $sort
            when 'cost' then effective_cost_usd
            when 'duration' then duration_ns
            when 'tokens' then coalesce(input_tokens, 0) + coalesce(output_tokens, 0)
            when 'ttft' then ttft_ns
        end as double), -1) as amount
    from calls_searched(
        $scope, $since, $until, $tenant_id, $model, $environment, $prompt_name, $prompt_version, $dimension, $dimension_value,
        $provider, $service_name, $status, $error_class, $cost_status, $kind, $min_duration_ms, $min_cost_usd, $min_tokens,
        $attribute, $attribute_value
    )
    where $sort in ('cost', 'duration', 'tokens', 'ttft')
        and ($find is null or call_says(
            $find, trace_id, span_id, request_id, response_id, session_id, user_id, span_name, error_type, attributes, resource
        ))
),

largest as (
    select *, cast(amount as varchar) as sort_key
    from measured
    where $after is null
        or amount < cast(split_part($after, '/', 1) as double)
        or (
            amount = cast(split_part($after, '/', 1) as double)
            and (trace_id, span_id) > (cast(split_part($after, '/', 2) as uuid), cast(split_part($after, '/', 3) as ubigint))
        )
    order by amount desc, trace_id, span_id
    limit $limit
),

-- One of the two is empty, and known to be when the query is planned. The newest 100 of 3M calls take 50 ms, the dearest 1 s of
-- CPU (0.1 s in a day of 100,000): only time prunes.
found as (
    select * from newest
    union all
    select * from largest
)

select
    calls.started_at,
    replace(cast(calls.trace_id as varchar), '-', '') as trace_id,
    printf('%016x', calls.span_id) as span_id,
    calls.status,
    calls.error_class,
    calls.error_type,
    calls.http_status,
    calls.duration_ns,
    calls.ttft_ns,
    coalesce(calls.attributed_tenant_id, calls.tenant_id) as tenant_id,
    calls.environment,
    calls.service_name,
    calls.operation,
    calls.provider,
    coalesce(calls.model_answered, calls.model_requested) as model,
    calls.prompt_name,
    calls.prompt_version,
    calls.feature,
    calls.session_id,
    calls.user_id,
    calls.input_tokens,
    calls.cached_input_tokens,
    calls.output_tokens,
    cast(calls.effective_cost_usd as decimal(38, 12)) as cost_usd,
    calls.cost_status,
    calls.cost_estimated,
    calls.attempt,
    calls.cache_hit,
    calls.finish_reason,
    calls.tool_calls,
    cast(to_json(calls.dims) as varchar) as dims,
    found.sort_key || '/' || cast(found.trace_id as varchar) || '/' || cast(found.span_id as varchar) as position
from found
inner join spans as calls
    on calls.started_at = found.started_at and calls.trace_id = found.trace_id and calls.span_id = found.span_id
where calls.project = $scope
    and calls.role = 'call'
order by found.amount desc nulls last, case when found.amount is null then found.started_at end desc, found.trace_id, found.span_id

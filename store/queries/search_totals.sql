-- purpose: How many calls match a search, and what they cost, as one row: takes what `search_calls` takes.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
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

-- column n_calls calls: that match
-- column n_errors calls: of these, failed
-- column n_traces count: in so many traces; an estimate, within a few per cent
-- column n_priced calls: with a known cost
-- column cost_usd usd: sum of the known costs, as we pay them (effective); NULL when none is known
-- column tokens tokens: known input and output
-- column first_at utc: the oldest
-- column last_at utc: the newest
select
    cast(count(*) as bigint) as n_calls,
    cast(count(*) filter (status = 'error') as bigint) as n_errors,
    cast(approx_count_distinct(trace_id) as bigint) as n_traces,
    cast(count(effective_cost_usd) as bigint) as n_priced,
    cast(sum(effective_cost_usd) as decimal(38, 12)) as cost_usd,
    cast(coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)), 0) as bigint) as tokens,
    min(started_at) as first_at,
    max(started_at) as last_at
from calls_searched(
    $scope, $since, $until, $tenant_id, $model, $environment, $prompt_name, $prompt_version, $dimension, $dimension_value,
    $provider, $service_name, $status, $error_class, $cost_status, $kind, $min_duration_ms, $min_cost_usd, $min_tokens,
    $attribute, $attribute_value
)
where $find is null
    or call_says($find, trace_id, span_id, request_id, response_id, session_id, user_id, span_name, error_type, attributes, resource)

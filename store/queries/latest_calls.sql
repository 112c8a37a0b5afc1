-- purpose: The newest calls, newest first, optionally of one window of time, one tenant, one model or one value of another dimension.
-- param limit integer: how many rows
-- param since time optional: from this moment on
-- param until time optional: up to, not including, this moment
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column started_at utc: when the call started
-- column tenant_id text: whom the call was for
-- column provider text: who sold it
-- column model text: the model that answered, else the one asked for
-- column operation text: chat, embeddings, …
-- column status text: ok or error
-- column error_class text: what kind of failure
-- column input_tokens tokens: total input, cached and written included
-- column output_tokens tokens: total output, reasoning included
-- column duration_ns ns: from request to last byte
-- column cost_usd usd: what we pay for it (effective); NULL when it could not be priced
-- column cost_status text: why cost_usd is what it is
-- column prompt_name text: which prompt
-- column prompt_version text: which version of it
-- column service_name text: which service sent it
-- column trace_id hex: the trace
-- column span_id hex: the span
-- column dims json: its values in the dimensions of your own
-- column sampling_rate share: of such calls that is sent; NULL = not sampled, or not known
-- column list_cost_usd usd: at list prices
-- column reported_cost_usd usd: what the emitter said
-- column saved_cost_usd usd: what a cache hit would have cost
-- column cost_estimated flag: the cost rests on something that telemetry or the card does not tell
-- column billed_to text: us or customer: whose account the provider bills
select
    started_at,
    tenant_id,
    provider,
    coalesce(model_answered, model_requested) as model,
    operation,
    status,
    error_class,
    input_tokens,
    output_tokens,
    duration_ns,
    effective_cost_usd as cost_usd,
    cost_status,
    prompt_name,
    prompt_version,
    service_name,
    trace_id,
    span_id,
    to_json(dims) as dims,
    sampling_rate,
    list_cost_usd,
    reported_cost_usd,
    saved_cost_usd,
    cost_estimated,
    billed_to
from calls_by(null, null, $dimension, $dimension_value)
where project = $scope
    and ($since is null or started_at >= $since)
    and ($until is null or started_at < $until)
    and ($tenant_id is null or coalesce(tenant_id, '') = $tenant_id)
    and ($model is null or coalesce(model_answered, model_requested, '') = $model)
order by started_at desc, span_id
limit $limit

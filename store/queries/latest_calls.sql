-- purpose: The newest calls, newest first.
-- param limit integer: how many rows
-- param since time optional: only calls that started at or after this
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
-- column cost_usd usd: list cost; NULL when it could not be priced
-- column cost_status text: why cost_usd is what it is
-- column prompt_name text: which prompt
-- column prompt_version text: which version of it
-- column trace_id hex: the trace
-- column span_id hex: the span
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
    list_cost_usd as cost_usd,
    cost_status,
    prompt_name,
    prompt_version,
    trace_id,
    span_id
from calls
where project = $scope
    and ($since is null or started_at >= $since)
order by started_at desc, span_id
limit $limit

-- purpose: Requests, failures, spend, tokens and latency of one window of time, as one row.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column n_calls calls: model calls, failed ones included
-- column n_errors calls: of these, failed
-- column n_priced calls: of these, with a known cost (priced, free or a cache hit)
-- column n_unpriced calls: of these, with usage that no price was found for
-- column n_no_usage calls: of these, without any usage to price
-- column n_cache_hits calls: of these, answered from a response cache
-- column n_sampled calls: of these, standing for others that were not sent (sampling rate below 1)
-- column input_tokens tokens: known input, cached and written included; NULL when none is known
-- column output_tokens tokens: known output, reasoning included; NULL when none is known
-- column tokens tokens: input and output together
-- column cost_usd usd: sum of the known costs, as we pay them (effective); NULL when none is known
-- column saved_usd usd: what cache hits would have cost
-- column n_timed calls: that the latencies rest on: succeeded, not from a cache
-- column p50_ns ns: median duration of those
-- column p95_ns ns: 95th percentile of those
-- column estimated_calls calls: an estimate of how many were made: each weighted by 1 / its sampling rate
-- column estimated_cost_usd usd: an estimate of what they cost: known costs, weighted so; equal to cost_usd when none was sampled
-- column priced_tokens tokens: of the known input and output, in calls with a known cost
-- column list_cost_usd usd: the known costs at list prices, before agreements, customers' own accounts included
-- column reported_cost_usd usd: what emitters said that calls cost; NULL when none said it
-- column n_reported calls: of which an emitter said so
-- column n_customer_billed calls: billed to the customer's own account: they cost us 0
-- column customer_billed_usd usd: list price of those; in no cost_usd
select
    cast(count(*) as bigint) as n_calls,
    cast(count(*) filter (status = 'error') as bigint) as n_errors,
    cast(count(effective_cost_usd) as bigint) as n_priced,
    cast(count(*) filter (cost_status in ('unpriced_model', 'unpriced_unit', 'conflict')) as bigint) as n_unpriced,
    cast(count(*) filter (cost_status = 'no_usage') as bigint) as n_no_usage,
    cast(count(*) filter (cache_hit) as bigint) as n_cache_hits,
    cast(count(*) filter (sampling_rate < 1) as bigint) as n_sampled,
    cast(sum(input_tokens) as bigint) as input_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    cast(coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)), 0) as bigint) as tokens,
    cast(sum(effective_cost_usd) as decimal(38, 12)) as cost_usd,
    cast(sum(saved_cost_usd) as decimal(38, 12)) as saved_usd,
    -- A failed call ends early and a cache hit ends at once: both would make the models look faster.
    cast(count(duration_ns) filter (status = 'ok' and cache_hit is not true) as bigint) as n_timed,
    cast(quantile_cont(duration_ns, 0.5) filter (status = 'ok' and cache_hit is not true) as bigint) as p50_ns,
    cast(quantile_cont(duration_ns, 0.95) filter (status = 'ok' and cache_hit is not true) as bigint) as p95_ns,
    cast(count(*) + coalesce(round(sum(unsent_calls(sampling_rate))), 0) as bigint) as estimated_calls,
    cast(sum(effective_cost_usd) + coalesce(sum(effective_cost_usd * unsent_calls(sampling_rate)), 0) as decimal(38, 12)) as estimated_cost_usd,
    cast(coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) filter (effective_cost_usd is not null), 0) as bigint)
        as priced_tokens,
    cast(sum(list_cost_usd) as decimal(38, 12)) as list_cost_usd,
    cast(sum(reported_cost_usd) as decimal(38, 12)) as reported_cost_usd,
    cast(count(reported_cost_usd) as bigint) as n_reported,
    cast(count(*) filter (billed_to = 'customer') as bigint) as n_customer_billed,
    cast(sum(list_cost_usd) filter (billed_to = 'customer') as decimal(38, 12)) as customer_billed_usd
from calls_by(null, null, $dimension, $dimension_value)
where project = $scope
    and started_at >= $since
    and started_at < $until
    and ($tenant_id is null or coalesce(tenant_id, '') = $tenant_id)
    and ($model is null or coalesce(model_answered, model_requested, '') = $model)

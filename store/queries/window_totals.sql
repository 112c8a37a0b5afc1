-- purpose: Requests, failures, spend, tokens and latency of one window of time, as one row.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls without one
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
with timed as (
    select n_timed, p50_ns, p95_ns
    from window_latencies(
        $scope, $since, $until, null, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value
    )
)

select
    cast(coalesce(sum(n_calls), 0) as bigint) as n_calls,
    cast(coalesce(sum(n_errors), 0) as bigint) as n_errors,
    cast(coalesce(sum(n_priced), 0) as bigint) as n_priced,
    cast(coalesce(sum(n_unpriced), 0) as bigint) as n_unpriced,
    cast(coalesce(sum(n_no_usage), 0) as bigint) as n_no_usage,
    cast(coalesce(sum(n_cache_hits), 0) as bigint) as n_cache_hits,
    cast(coalesce(sum(n_sampled), 0) as bigint) as n_sampled,
    cast(sum(input_tokens) as bigint) as input_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    cast(coalesce(sum(tokens), 0) as bigint) as tokens,
    cast(sum(cost_usd) as decimal(38, 12)) as cost_usd,
    cast(sum(saved_usd) as decimal(38, 12)) as saved_usd,
    coalesce((select n_timed from timed), 0) as n_timed,
    (select p50_ns from timed) as p50_ns,
    (select p95_ns from timed) as p95_ns,
    cast(coalesce(sum(n_calls), 0) + coalesce(round(sum(unsent)), 0) as bigint) as estimated_calls,
    cast(sum(cost_usd) + coalesce(sum(unsent_usd), 0) as decimal(38, 12)) as estimated_cost_usd,
    cast(coalesce(sum(priced_tokens), 0) as bigint)
        as priced_tokens,
    cast(sum(list_cost_usd) as decimal(38, 12)) as list_cost_usd,
    cast(sum(reported_cost_usd) as decimal(38, 12)) as reported_cost_usd,
    cast(coalesce(sum(n_reported), 0) as bigint) as n_reported,
    cast(coalesce(sum(n_customer_billed), 0) as bigint) as n_customer_billed,
    cast(sum(customer_billed_usd) as decimal(38, 12)) as customer_billed_usd
from window_tallies(
    $scope, $since, $until, null, $tenant_id, $model, $environment, $prompt_name,
    $dimension, $dimension_value, null, null
)

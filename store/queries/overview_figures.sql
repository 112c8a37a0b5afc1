-- purpose: The key figures of one window of time, of the window before it, and of each bucket of it: what an overview begins with, read at once.
-- param before time: start of the window before
-- param since time: start of the window, and of its first bucket
-- param until time: up to, not including, this moment
-- param bucket_minutes integer: width of a bucket; whole buckets divide a UTC day
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls without one
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column kind text: window, before, or bucket; window and before always have one row
-- column bucket_at utc: start of the bucket; NULL for the windows
-- column n_calls calls: model calls, failed ones included; 0 when there were none
-- column n_errors calls: of these, failed
-- column n_priced calls: of these, with a known cost (priced, free or a cache hit)
-- column n_unpriced calls: of these, with usage that no price was found for
-- column n_no_usage calls: of these, without any usage to price
-- column n_cache_hits calls: of these, answered from a response cache
-- column n_sampled calls: of these, standing for others that were not sent (sampling rate below 1)
-- column n_timed calls: that the latencies rest on: succeeded, not from a cache
-- column p50_ns ns: median duration of those
-- column p95_ns ns: 95th percentile of those
-- column input_tokens tokens: known input, cached and written included; NULL when none is known
-- column cached_input_tokens tokens: of the input, read from the provider's cache; NULL when none is known
-- column output_tokens tokens: known output, reasoning included; NULL when none is known
-- column tokens tokens: input and output together
-- column priced_tokens tokens: of these, in calls with a known cost
-- column cost_usd usd: sum of the known costs, as we pay them (effective); NULL when none is known
-- column saved_usd usd: what answers from a response cache would have cost; NULL when none is known
-- column list_cost_usd usd: the known costs at list prices, before agreements, customers' own accounts included
-- column n_customer_billed calls: billed to the customer's own account: they cost us 0
-- column customer_billed_usd usd: list price of those; in no cost_usd
-- column estimated_cost_usd usd: an estimate of what they cost: known costs, each weighted by 1 / its sampling rate
-- column last_started_at utc: the newest call; NULL when there were none
-- Both windows are sums of the same buckets: one pass over the calls instead of three. The latencies are three, because a
-- percentile of a window is none of its buckets' percentiles.
with tallies as (
    select
        bucket_at,
        coalesce(bucket_at >= cast($since as timestamp), false) as is_shown,
        * exclude (bucket_at)
    from window_tallies(
        $scope, $before, $until, $bucket_minutes, $tenant_id, $model, $environment, $prompt_name,
        $dimension, $dimension_value, null, null
    )
),

parts as (
    select case when is_shown then 'window' else 'before' end as kind, * replace (cast(null as timestamp) as bucket_at)
    from tallies
    union all by name
    select 'bucket' as kind, *
    from tallies
    where is_shown
),

counted as (
    select
        kind,
        bucket_at,
        sum(n_calls) as n_calls,
        sum(n_errors) as n_errors,
        sum(n_priced) as n_priced,
        sum(n_unpriced) as n_unpriced,
        sum(n_no_usage) as n_no_usage,
        sum(n_cache_hits) as n_cache_hits,
        sum(n_sampled) as n_sampled,
        sum(input_tokens) as input_tokens,
        sum(cached_input_tokens) as cached_input_tokens,
        sum(output_tokens) as output_tokens,
        sum(tokens) as tokens,
        sum(priced_tokens) as priced_tokens,
        sum(cost_usd) as cost_usd,
        sum(saved_usd) as saved_usd,
        sum(list_cost_usd) as list_cost_usd,
        sum(n_customer_billed) as n_customer_billed,
        sum(customer_billed_usd) as customer_billed_usd,
        sum(cost_usd) + coalesce(sum(unsent_usd), 0) as estimated_cost_usd,
        max(last_started_at) as last_started_at
    from parts
    group by kind, bucket_at
),

timed as (
    select 'window' as kind, cast(null as timestamp) as bucket_at, n_timed, p50_ns, p95_ns
    from window_latencies(
        $scope, $since, $until, null, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value
    )
    union all
    select 'before', null, n_timed, p50_ns, p95_ns
    from window_latencies(
        $scope, $before, $since, null, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value
    )
    union all
    select 'bucket', bucket_at, n_timed, p50_ns, p95_ns
    from window_latencies(
        $scope, $since, $until, $bucket_minutes, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value
    )
),

wanted as (
    select 'window' as kind, cast(null as timestamp) as bucket_at
    union all
    select 'before', null
    union all
    select 'bucket', unnest(generate_series(
        time_bucket(to_minutes($bucket_minutes), cast($since as timestamp)),
        cast($until as timestamp) - interval 1 microsecond,
        to_minutes($bucket_minutes)
    ))
)

select
    wanted.kind,
    wanted.bucket_at,
    cast(coalesce(counted.n_calls, 0) as bigint) as n_calls,
    cast(coalesce(counted.n_errors, 0) as bigint) as n_errors,
    cast(coalesce(counted.n_priced, 0) as bigint) as n_priced,
    cast(coalesce(counted.n_unpriced, 0) as bigint) as n_unpriced,
    cast(coalesce(counted.n_no_usage, 0) as bigint) as n_no_usage,
    cast(coalesce(counted.n_cache_hits, 0) as bigint) as n_cache_hits,
    cast(coalesce(counted.n_sampled, 0) as bigint) as n_sampled,
    cast(coalesce(timed.n_timed, 0) as bigint) as n_timed,
    cast(timed.p50_ns as bigint) as p50_ns,
    cast(timed.p95_ns as bigint) as p95_ns,
    cast(counted.input_tokens as bigint) as input_tokens,
    cast(counted.cached_input_tokens as bigint) as cached_input_tokens,
    cast(counted.output_tokens as bigint) as output_tokens,
    cast(coalesce(counted.tokens, 0) as bigint) as tokens,
    cast(coalesce(counted.priced_tokens, 0) as bigint) as priced_tokens,
    cast(counted.cost_usd as decimal(38, 12)) as cost_usd,
    cast(counted.saved_usd as decimal(38, 12)) as saved_usd,
    cast(counted.list_cost_usd as decimal(38, 12)) as list_cost_usd,
    cast(coalesce(counted.n_customer_billed, 0) as bigint) as n_customer_billed,
    cast(counted.customer_billed_usd as decimal(38, 12)) as customer_billed_usd,
    cast(counted.estimated_cost_usd as decimal(38, 12)) as estimated_cost_usd,
    counted.last_started_at
from wanted
left join counted on counted.kind = wanted.kind and counted.bucket_at is not distinct from wanted.bucket_at
left join timed on timed.kind = wanted.kind and timed.bucket_at is not distinct from wanted.bucket_at
order by wanted.kind desc, wanted.bucket_at

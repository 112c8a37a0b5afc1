-- purpose: Requests, failures, spend, tokens and latency over time, one row a bucket, without gaps.
-- param since time: start of the first bucket
-- param until time: up to, not including, this moment
-- param bucket_minutes integer: width of a bucket; whole buckets divide a UTC day
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls without one
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column bucket_at utc: start of the bucket
-- column n_calls calls: model calls, failed ones included; 0 when there were none
-- column n_errors calls: of these, failed
-- column cost_usd usd: sum of the known costs, as we pay them (effective); NULL when none is known
-- column tokens tokens: known input and output
-- column p50_ns ns: median duration of calls that succeeded, cache hits excluded
-- column p95_ns ns: 95th percentile of those
-- column n_sampled calls: of these, standing for others that were not sent (sampling rate below 1)
-- column n_priced calls: with a known cost
-- column priced_tokens tokens: of the tokens, in calls with a known cost
-- column list_cost_usd usd: the known costs at list prices
with buckets as (
    select unnest(generate_series(
        time_bucket(to_minutes($bucket_minutes), cast($since as timestamp)),
        cast($until as timestamp) - interval 1 microsecond,
        to_minutes($bucket_minutes)
    )) as bucket_at
),

counted as (
    select
        bucket_at,
        sum(n_calls) as n_calls,
        coalesce(sum(n_errors), 0) as n_errors,
        sum(cost_usd) as cost_usd,
        sum(tokens) as tokens,
        coalesce(sum(n_sampled), 0) as n_sampled,
        coalesce(sum(n_priced), 0) as n_priced,
        sum(priced_tokens) as priced_tokens,
        sum(list_cost_usd) as list_cost_usd
    from window_tallies(
        $scope, $since, $until, $bucket_minutes, $tenant_id, $model, $environment, $prompt_name,
        $dimension, $dimension_value, null, null
    )
    group by bucket_at
),

timed as (
    select bucket_at, p50_ns, p95_ns
    from window_latencies(
        $scope, $since, $until, $bucket_minutes, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value
    )
)

select
    buckets.bucket_at,
    cast(coalesce(counted.n_calls, 0) as bigint) as n_calls,
    cast(coalesce(counted.n_errors, 0) as bigint) as n_errors,
    cast(counted.cost_usd as decimal(38, 12)) as cost_usd,
    cast(coalesce(counted.tokens, 0) as bigint) as tokens,
    timed.p50_ns,
    timed.p95_ns,
    cast(coalesce(counted.n_sampled, 0) as bigint) as n_sampled,
    cast(coalesce(counted.n_priced, 0) as bigint) as n_priced,
    cast(coalesce(counted.priced_tokens, 0) as bigint) as priced_tokens,
    cast(counted.list_cost_usd as decimal(38, 12)) as list_cost_usd
from buckets
left join counted on counted.bucket_at = buckets.bucket_at
left join timed on timed.bucket_at = buckets.bucket_at
order by buckets.bucket_at

-- purpose: Failures by class over time, beside the calls that succeeded, so that shares have their denominator.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param bucket_minutes integer: width of a bucket; whole buckets divide a UTC day
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls that name none
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column bucket_at utc: start of the bucket; a bucket without calls has one row
-- column error_class text: rate_limit, timeout, server, auth, bad_request, content_filter, cancelled, connection or other; NULL = succeeded
-- column n_calls calls: with this outcome; 0 only where the bucket has none at all
-- column bucket_calls calls: all calls of the bucket: what shares are of
with buckets as (
    select unnest(generate_series(
        time_bucket(to_minutes($bucket_minutes), cast($since as timestamp)),
        cast($until as timestamp) - interval 1 microsecond,
        to_minutes($bucket_minutes)
    )) as bucket_at
),

counted as (
    select bucket_at, error_class, sum(n_calls) as n_calls
    from window_outcomes(
        $scope, $since, $until, $bucket_minutes, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value, null, null
    )
    group by all
)

select
    buckets.bucket_at,
    counted.error_class,
    cast(coalesce(counted.n_calls, 0) as bigint) as n_calls,
    cast(coalesce(sum(counted.n_calls) over (partition by buckets.bucket_at), 0) as bigint) as bucket_calls
from buckets
left join counted on counted.bucket_at = buckets.bucket_at
order by buckets.bucket_at, counted.error_class nulls first

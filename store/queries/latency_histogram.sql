-- purpose: How many calls took how long over time, in logarithmic steps: four to a doubling (each 19 % wider than the one before).
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param bucket_minutes integer: width of a bucket; whole buckets divide a UTC day
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls that name none
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column bucket_at utc: start of the bucket; buckets without such calls have no row
-- column from_ns ns: the step begins here
-- column to_ns ns: and ends before here
-- column n_calls calls: that succeeded, not from a cache, and took so long
-- column bucket_calls calls: all such calls of the bucket: what shares are of
with counted as (
    select
        bucket_at,
        -- Steps of four of the fine buckets (store/views/latency_bucket.sql): few enough to be drawn.
        step // 4 as step,
        sum(n_calls) as n_calls
    from window_steps(
        $scope, $since, $until, $bucket_minutes, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value, null, null
    )
    where step > 0
    group by all
)

select
    bucket_at,
    cast(round(pow(2, step / 4)) as bigint) as from_ns,
    cast(round(pow(2, (step + 1) / 4)) as bigint) as to_ns,
    cast(n_calls as bigint) as n_calls,
    cast(sum(n_calls) over (partition by bucket_at) as bigint) as bucket_calls
from counted
order by bucket_at, step

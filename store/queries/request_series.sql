-- purpose: Logical requests over time: how many took several attempts, what came of them, and what a cache answered.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param bucket_minutes integer: width of a bucket; whole buckets divide a UTC day
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls that name none
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column bucket_at utc: start of the bucket
-- column n_calls calls: model calls, every attempt counted
-- column n_requests count: logical requests: attempts of one count once, in the bucket of the first that the filters leave
-- column n_failed count: requests whose last attempt failed
-- column n_retried count: that took more than one attempt
-- column n_recovered count: of those, whose last attempt succeeded
-- column n_failed_over count: of those, that went to another provider or asked for another model on the way
-- column n_attempts calls: attempts of the requests that took more than one
-- column n_cache_hits calls: answered from a response cache
with buckets as (
    select unnest(generate_series(
        time_bucket(to_minutes($bucket_minutes), cast($since as timestamp)),
        cast($until as timestamp) - interval 1 microsecond,
        to_minutes($bucket_minutes)
    )) as bucket_at
),

-- Only of requests with a second attempt are attempts put together: they are few, grouping every call would cost seconds.
attempts as not materialized (
    select
        time_bucket(to_minutes($bucket_minutes), started_at) as bucket_at,
        started_at, status, attempt, request_id,
        coalesce(host_provider, provider) as provider,
        model_requested
    from calls_within(
        $scope, $since, $until, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value, null, null
    )
    where attempt is not null
),

of_retried as materialized (
    select *
    from attempts
    where request_id in (select request_id from attempts where attempt > 1)
),

requests as (
    select
        min(bucket_at) as bucket_at,
        count(*) as n_attempts,
        arg_max(status, struct_pack(attempt := attempt, started_at := started_at)) as last_status,
        count(distinct provider) > 1 or count(distinct model_requested) > 1 as is_failed_over
    from of_retried
    group by request_id
),

of_requests as (
    select
        bucket_at,
        count(*) as n_retried,
        count(*) filter (last_status = 'error') as n_failed,
        count(*) filter (is_failed_over) as n_failed_over,
        sum(n_attempts) as n_attempts
    from requests
    group by bucket_at
),

in_several as (
    select bucket_at, count(*) as n_calls, count(*) filter (status = 'error') as n_errors
    from of_retried
    group by bucket_at
),

of_calls as (
    select
        bucket_at,
        sum(n_calls) as n_calls,
        sum(n_errors) as n_errors,
        sum(n_cache_hits) as n_cache_hits
    from window_tallies(
        $scope, $since, $until, $bucket_minutes, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value, null, null
    )
    group by bucket_at
)

select
    buckets.bucket_at,
    cast(coalesce(of_calls.n_calls, 0) as bigint) as n_calls,
    cast(
        coalesce(of_calls.n_calls, 0) - coalesce(in_several.n_calls, 0) + coalesce(of_requests.n_retried, 0) as bigint
    ) as n_requests,
    cast(
        coalesce(of_calls.n_errors, 0) - coalesce(in_several.n_errors, 0) + coalesce(of_requests.n_failed, 0) as bigint
    ) as n_failed,
    cast(coalesce(of_requests.n_retried, 0) as bigint) as n_retried,
    cast(coalesce(of_requests.n_retried - of_requests.n_failed, 0) as bigint) as n_recovered,
    cast(coalesce(of_requests.n_failed_over, 0) as bigint) as n_failed_over,
    cast(coalesce(of_requests.n_attempts, 0) as bigint) as n_attempts,
    cast(coalesce(of_calls.n_cache_hits, 0) as bigint) as n_cache_hits
from buckets
left join of_calls on of_calls.bucket_at = buckets.bucket_at
left join in_several on in_several.bucket_at = buckets.bucket_at
left join of_requests on of_requests.bucket_at = buckets.bucket_at
order by buckets.bucket_at

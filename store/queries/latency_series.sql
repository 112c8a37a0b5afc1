-- purpose: Durations, time to the first token and speed over time, of all calls or of the values of one dimension with most calls.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param bucket_minutes integer: width of a bucket; whole buckets divide a UTC day
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls that name none
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- param by text optional: a line for each value of this dimension (the query `dimensions` lists them); not given = one for all
-- param top integer optional: how many values are named, 5 unless given; the others are one line together
-- column bucket_at utc: start of the bucket; every line has every bucket
-- column value text: of the dimension grouped by; empty = the telemetry says none; NULL = all others together, or all
-- column rank count: 1 = most calls in the window; 0 = all others together, or all
-- column n_calls calls: model calls, failed ones included
-- column n_errors calls: of these, failed
-- column n_timed calls: that the durations rest on: succeeded, not from a cache
-- column p50_ns ns: median duration of those
-- column p95_ns ns: 95th percentile of those
-- column p99_ns ns: 99th percentile of those
-- column n_ttft calls: of those, with a known time to the first token
-- column ttft_p50_ns ns: median time to the first token
-- column ttft_p95_ns ns: 95th percentile of it
-- column tokens_per_s tokens_per_s: speed of those: all their output tokens by all the time they took
-- column stream_tokens_per_s tokens_per_s: speed after the first token, of the calls whose time to it is known
with buckets as (
    select unnest(generate_series(
        time_bucket(to_minutes($bucket_minutes), cast($since as timestamp)),
        cast($until as timestamp) - interval 1 microsecond,
        to_minutes($bucket_minutes)
    )) as bucket_at
),

ended as (
    select * replace (case when $by is not null then coalesce(value, '') end as value)
    from window_outcomes(
        $scope, $since, $until, $bucket_minutes, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value, $by, null
    )
),

lines as (
    select value, row_number() over (order by sum(n_calls) desc, value) as rank
    from ended
    where $by is not null
    group by value
    qualify rank <= coalesce($top, 5)
),

counted as (
    select
        bucket_at,
        lines.value,
        coalesce(lines.rank, 0) as rank,
        sum(n_calls) as n_calls,
        coalesce(sum(n_calls) filter (error_class is not null), 0) as n_errors,
        sum(timed_tokens) * 1e9 / nullif(sum(timed_ns), 0) as tokens_per_s,
        sum(stream_tokens) * 1e9 / nullif(sum(stream_ns), 0) as stream_tokens_per_s
    from ended
    left join lines on lines.value = ended.value
    group by all
),

-- Percentiles do not add up, so the others are put together before they are taken.
timed as (
    select latencies.*, coalesce(lines.rank, 0) as rank
    from window_latencies(
        $scope, $since, $until, $bucket_minutes, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value,
        by_name := $by, of_values := (select list(value) from lines), with_ttft := true
    ) as latencies
    left join lines on lines.value = latencies.value
),

shown as (
    select distinct value, rank from counted
    union
    select null, 0 where $by is null
)

select
    buckets.bucket_at,
    shown.value,
    cast(shown.rank as bigint) as rank,
    cast(coalesce(counted.n_calls, 0) as bigint) as n_calls,
    cast(coalesce(counted.n_errors, 0) as bigint) as n_errors,
    cast(coalesce(timed.n_timed, 0) as bigint) as n_timed,
    timed.p50_ns,
    timed.p95_ns,
    timed.p99_ns,
    cast(coalesce(timed.n_ttft, 0) as bigint) as n_ttft,
    timed.ttft_p50_ns,
    timed.ttft_p95_ns,
    counted.tokens_per_s,
    counted.stream_tokens_per_s
from buckets
cross join shown
left join counted on counted.bucket_at = buckets.bucket_at and counted.rank = shown.rank
left join timed on timed.bucket_at = buckets.bucket_at and timed.rank = shown.rank
order by buckets.bucket_at, shown.rank

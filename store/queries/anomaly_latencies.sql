-- purpose: The 95th percentile of latency by the hour, of all calls and of the busiest models: what anomalies are looked for in.
-- param since time: start of the first hour
-- param until time: up to, not including, this moment
-- param top integer: how many models
-- param environment text optional: only this environment; empty text = calls that name none
-- column dimension text: empty = all calls together
-- column value text: of the dimension; empty = the telemetry says none, or all calls
-- column n_timed calls: that the latencies rest on: succeeded, not from a cache
-- column hours hours[]: since the first hour: those that have such calls, in order; of these hours ...
-- column timed calls[]: how many
-- column p95s_ns ns[]: 95th percentile of their durations, at most 2.2 % off (views/latency_bucket.sql)
with summed as (
    select
        case when grouping(value) = 1 then '' else 'model' end as dimension,
        coalesce(value, '') as value,
        bucket_at as hour_at,
        step,
        sum(n_calls) as n_calls
    from (
        select bucket_at, coalesce(value, '') as value, step, n_calls
        from window_steps($scope, $since, $until, 60, null, null, $environment, null, null, null, 'model', null)
    )
    group by grouping sets ((bucket_at, step), (value, bucket_at, step))
),

ranked as (
    select
        *,
        sum(n_calls) over (partition by dimension, value, hour_at order by step) as n_until,
        sum(n_calls) over (partition by dimension, value, hour_at) as n_timed
    from summed
),

hourly as (
    select
        dimension,
        value,
        date_diff('hour', date_trunc('hour', cast($since as timestamp)), hour_at) as hour,
        max(n_timed) as n_timed,
        latency_of_bucket(min(step) filter (n_until >= 0.95 * n_timed)) as p95_ns
    from ranked
    group by all
),

series as (
    select
        dimension,
        value,
        cast(sum(n_timed) as bigint) as n_timed,
        list(cast(hour as bigint) order by hour) as hours,
        list(cast(n_timed as bigint) order by hour) as timed,
        list(cast(p95_ns as bigint) order by hour) as p95s_ns
    from hourly
    group by dimension, value
    qualify row_number() over (partition by dimension order by sum(n_timed) desc, value) <= $top
)

select *
from series
order by dimension, n_timed desc, value

-- purpose: How many calls of each hour fell into each bucket of latency.
-- A failed call ends early and a cache hit ends at once: both would make the models look faster.
insert into rollup_latencies by name
select
    cast($project as varchar) as project,
    cast($day as date) as day,
    hour_at,
    environment,
    model,
    provider,
    measure,
    latency_bucket(ns) as step,
    cast(count(*) as bigint) as n_calls
from (
    select
        date_trunc('hour', started_at) as hour_at,
        environment,
        coalesce(model_answered, model_requested) as model,
        provider,
        unnest(['duration', 'ttft']) as measure,
        unnest([duration_ns, ttft_ns]) as ns
    from spans
    where project = $project
        and role = 'call'
        and day = $day
        and date_trunc('hour', started_at) in (select unnest($hours))
        and status = 'ok'
        and cache_hit is not true
)
where ns is not null
group by hour_at, environment, model, provider, measure, step

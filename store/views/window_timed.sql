-- How long each call of one project in a window took. Groups, buckets and filters as in `calls_tallied`. Only calls that succeeded,
-- cache hits excluded: a failed call ends early and a cache hit ends at once, and both would make the models look faster.
create or replace macro calls_timed(
    of_hours, of_days,
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name
) as table
select
    case when of_minutes is not null then time_bucket(to_minutes(of_minutes), started_at) end as bucket_at,
    dimension_value(
        by_name, coalesce(attributed_tenant_id, tenant_id), user_id, session_id, feature, environment, model_answered, model_requested,
        provider, service_name, prompt_name, agent_name, emitter, dims
    ) as value,
    dimension_value(
        then_name, coalesce(attributed_tenant_id, tenant_id), user_id, session_id, feature, environment, model_answered, model_requested,
        provider, service_name, prompt_name, agent_name, emitter, dims
    ) as value_2,
    duration_ns,
    ttft_ns
from spans
where project = of_project
    and role = 'call'
    and (from_time is null or started_at >= cast(from_time as timestamp))
    and (to_time is null or started_at < cast(to_time as timestamp))
    -- The days as constants, for which blocks of other days are skipped; a semi join would cost every call 20 ns where there are none.
    and (of_days is null or day in (of_days[1], of_days[2], of_days[3], of_days[4], of_days[5], of_days[6], of_days[7], of_days[8]))
    and (of_hours is null or list_contains(cast(of_hours as timestamp[]), date_trunc('hour', started_at)))
    and (of_tenant is null or coalesce(attributed_tenant_id, tenant_id, '') = of_tenant)
    and (of_model is null or coalesce(model_answered, model_requested, '') = of_model)
    and (of_environment is null or coalesce(environment, '') = of_environment)
    and (of_prompt is null or coalesce(prompt_name, '') = of_prompt)
    and (
        only_name is null
        or coalesce(only_value, '') = coalesce(dimension_value(
            only_name, coalesce(attributed_tenant_id, tenant_id), user_id, session_id, feature, environment, model_answered, model_requested,
            provider, service_name, prompt_name, agent_name, emitter, dims
        ), '')
    )
    and status = 'ok'
    and cache_hit is not true;

-- Of each group: how many calls are timed, and percentiles of their durations and of the time to the first token. With `of_values`
-- all groups of other values are one, of NULL.
create or replace macro window_latencies(
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value,
    by_name := null, then_name := null, of_values := null, with_ttft := false
) as table
select
    bucket_at,
    case when of_values is null or list_contains(of_values, coalesce(value, '')) then value end as value,
    value_2,
    count(duration_ns) as n_timed,
    cast(quantile_cont(duration_ns, 0.5) as bigint) as p50_ns,
    cast(quantile_cont(duration_ns, 0.95) as bigint) as p95_ns,
    cast(quantile_cont(duration_ns, 0.99) as bigint) as p99_ns,
    count(ttft_ns) as n_ttft,
    cast(quantile_cont(ttft_ns, 0.5) as bigint) as ttft_p50_ns,
    cast(quantile_cont(ttft_ns, 0.95) as bigint) as ttft_p95_ns
from calls_timed(
    null, null,
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name
)
group by all;

-- How many calls of each group took how long, in the buckets of latency_bucket.sql: what adds up. `measure` is duration, or ttft
-- for the time to the first token, which is there `with_ttft`.
create or replace macro calls_stepped(
    of_hours, of_days,
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name, with_ttft
) as table
select bucket_at, value, value_2, measure, latency_bucket(ns) as step, count(*) as n_calls
from (
    select bucket_at, value, value_2, unnest(['duration', 'ttft']) as measure, unnest([duration_ns, ttft_ns]) as ns
    from calls_timed(
        of_hours, of_days,
        of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name
    )
)
where ns is not null
    and (with_ttft or measure = 'duration')
group by all;

create or replace macro window_steps(
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name
) as table
from calls_stepped(
    null, null,
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name, false
);

-- The same over the rollup (store/rolled.py), which has the environment, the model and the provider.
create or replace macro rolled_steps(
    open_hours, open_days,
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name, with_ttft := false
) as table
select
    case when of_minutes is not null then time_bucket(to_minutes(of_minutes), hour_at) end as bucket_at,
    value_of_row(by_name, null, environment, model, provider, null) as value,
    value_of_row(then_name, null, environment, model, provider, null) as value_2,
    measure,
    step,
    n_calls
from rollup_latencies
where project = of_project
    and (from_time is null or hour_at >= cast(from_time as timestamp))
    and (to_time is null or hour_at <= cast(to_time as timestamp) - interval 1 hour)
    and not list_contains(cast(open_hours as timestamp[]), hour_at)
    and (with_ttft or measure = 'duration')
    and (of_model is null or coalesce(model, '') = of_model)
    and (of_environment is null or coalesce(environment, '') = of_environment)
    and (only_name is null or coalesce(only_value, '') = coalesce(value_of_row(only_name, null, environment, model, provider, null), ''))
union all by name
from calls_stepped(
    open_hours, open_days,
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name, with_ttft
);

-- `window_latencies` of these steps: percentiles are at most 2.2 % off (latency_bucket.sql).
create or replace macro rolled_latencies(
    open_hours, open_days,
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value,
    by_name := null, then_name := null, of_values := null, with_ttft := false
) as table
with summed as (
    select
        bucket_at,
        case when of_values is null or list_contains(of_values, coalesce(value, '')) then value end as value,
        value_2,
        measure,
        step,
        sum(n_calls) as n_calls
    from rolled_steps(
        open_hours, open_days,
        of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name, with_ttft := with_ttft
    )
    group by all
),

ranked as (
    select
        *,
        sum(n_calls) over (partition by bucket_at, value, value_2, measure order by step) as n_until,
        sum(n_calls) over (partition by bucket_at, value, value_2, measure) as n_timed
    from summed
),

measured as (
    select
        bucket_at,
        value,
        value_2,
        measure,
        max(n_timed) as n_timed,
        latency_of_bucket(min(step) filter (n_until >= 0.5 * n_timed)) as p50_ns,
        latency_of_bucket(min(step) filter (n_until >= 0.95 * n_timed)) as p95_ns,
        latency_of_bucket(min(step) filter (n_until >= 0.99 * n_timed)) as p99_ns
    from ranked
    group by all
)

select
    bucket_at,
    value,
    value_2,
    cast(coalesce(max(n_timed) filter (measure = 'duration'), 0) as bigint) as n_timed,
    max(p50_ns) filter (measure = 'duration') as p50_ns,
    max(p95_ns) filter (measure = 'duration') as p95_ns,
    max(p99_ns) filter (measure = 'duration') as p99_ns,
    cast(coalesce(max(n_timed) filter (measure = 'ttft'), 0) as bigint) as n_ttft,
    max(p50_ns) filter (measure = 'ttft') as ttft_p50_ns,
    max(p95_ns) filter (measure = 'ttft') as ttft_p95_ns
from measured
group by all;

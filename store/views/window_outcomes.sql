-- How the calls of one project in a window ended, as sums to be added up: `error_class` (NULL = succeeded), retries, tokens and the
-- time they took. Groups, buckets and filters as in `calls_tallied`. One speed is made of the sums: a median of speeds does not add
-- up over time, and costs three times as much.
create or replace macro calls_ended(
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
    case when status = 'error' then coalesce(error_class, 'other') end as error_class,
    count(*) as n_calls,
    count(*) filter (attempt > 1) as n_retries,
    count(*) filter (cache_hit) as n_cache_hits,
    count(*) filter (finish_reason = 'length') as n_truncated,
    count(*) filter (finish_reason = 'content_filter' or error_class = 'content_filter') as n_content_filter,
    count(*) filter (stream) as n_streamed,
    count(*) filter (sampling_rate < 1) as n_sampled,
    count(effective_cost_usd) as n_priced,
    count(effective_cost_usd) filter (status = 'ok') as n_priced_ok,
    sum(output_tokens) filter (status = 'ok' and cache_hit is not true and duration_ns > 0) as timed_tokens,
    sum(duration_ns) filter (status = 'ok' and cache_hit is not true and output_tokens is not null) as timed_ns,
    sum(output_tokens - 1) filter (status = 'ok' and cache_hit is not true and output_tokens > 0 and duration_ns > ttft_ns)
        as stream_tokens,
    sum(duration_ns - ttft_ns) filter (status = 'ok' and cache_hit is not true and output_tokens > 0 and duration_ns > ttft_ns)
        as stream_ns,
    sum(input_tokens) as input_tokens,
    sum(cached_input_tokens) as cached_input_tokens,
    sum(output_tokens) as output_tokens,
    sum(effective_cost_usd) as cost_usd,
    sum(saved_cost_usd) as saved_usd
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
group by all;

create or replace macro window_outcomes(
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name
) as table
from calls_ended(
    null, null,
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name
);

-- The same over the rollup (store/rolled.py), which has the environment, the model and the provider.
create or replace macro rolled_outcomes(
    open_hours, open_days,
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name
) as table
select
    case when of_minutes is not null then time_bucket(to_minutes(of_minutes), hour_at) end as bucket_at,
    value_of_row(by_name, null, environment, model, provider, null) as value,
    value_of_row(then_name, null, environment, model, provider, null) as value_2,
    * exclude (project, day, hour_at, environment, model, provider)
from rollup_outcomes
where project = of_project
    and (from_time is null or hour_at >= cast(from_time as timestamp))
    and (to_time is null or hour_at <= cast(to_time as timestamp) - interval 1 hour)
    and not list_contains(cast(open_hours as timestamp[]), hour_at)
    and (of_model is null or coalesce(model, '') = of_model)
    and (of_environment is null or coalesce(environment, '') = of_environment)
    and (only_name is null or coalesce(only_value, '') = coalesce(value_of_row(only_name, null, environment, model, provider, null), ''))
union all by name
from calls_ended(
    open_hours, open_days,
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name
);

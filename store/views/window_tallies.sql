-- The value of a row of a rollup in the dimension of this name; `value` is that of the row's own dimension.
create or replace macro value_of_row(name, value, environment, model, provider, emitter) as
    case name
        when 'model' then model
        when 'environment' then environment
        when 'provider' then provider
        when 'emitter' then emitter
        else case when name is not null then value end
    end;

-- The calls of one project in a window, as sums to be added up. Grouped by up to two dimensions (`value`, `value_2`) and, with
-- `of_minutes`, by time buckets (`bucket_at`), which divide a UTC day; several rows can be of one group. Filters: NULL = all, empty
-- text = calls without one. `with_unpriced_models` also groups by `unpriced_model`, the model of calls without a price: half as
-- much again where groups are many. Only calls of the hours `of_hours`, which are of the eight days `of_days`; NULL = of all.
create or replace macro calls_tallied(
    of_hours, of_days,
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name,
    with_unpriced_models
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
    case
        when with_unpriced_models and cost_status in ('unpriced_model', 'unpriced_unit', 'conflict')
            then coalesce(model_answered, model_requested)
    end as unpriced_model,
    count(*) as n_calls,
    count(*) filter (status = 'error') as n_errors,
    count(effective_cost_usd) as n_priced,
    count(*) filter (cost_status in ('unpriced_model', 'unpriced_unit', 'conflict')) as n_unpriced,
    count(*) filter (cost_status = 'no_usage') as n_no_usage,
    count(*) filter (cache_hit) as n_cache_hits,
    count(effective_cost_usd) filter (cost_estimated) as n_estimated,
    count(*) filter (sampling_rate < 1) as n_sampled,
    count(reported_cost_usd) as n_reported,
    count(*) filter (billed_to = 'customer') as n_customer_billed,
    count(attributed_by) as n_attributed,
    sum(input_tokens) as input_tokens,
    sum(cached_input_tokens) as cached_input_tokens,
    sum(output_tokens) as output_tokens,
    sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) as tokens,
    sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) filter (effective_cost_usd is not null) as priced_tokens,
    sum(effective_cost_usd) as cost_usd,
    sum(saved_cost_usd) as saved_usd,
    sum(list_cost_usd) as list_cost_usd,
    sum(reported_cost_usd) as reported_cost_usd,
    sum(list_cost_usd) filter (billed_to = 'customer') as customer_billed_usd,
    sum(unsent_calls(sampling_rate)) as unsent,
    sum(effective_cost_usd * unsent_calls(sampling_rate)) as unsent_usd,
    min(started_at) as first_started_at,
    max(started_at) as last_started_at
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

create or replace macro window_tallies(
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name,
    with_unpriced_models := false
) as table
from calls_tallied(
    null, null,
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name,
    with_unpriced_models
);

-- The same, closed hours from the rollup of the dimension `rolled_as` and the others, `open_hours`, from the calls. Queries ask
-- `window_tallies`; store/rolled.py has them ask this one where it answers the same.
create or replace macro rolled_tallies(
    open_hours, open_days, rolled_as,
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name,
    with_unpriced_models := false
) as table
select
    case when of_minutes is not null then time_bucket(to_minutes(of_minutes), hour_at) end as bucket_at,
    value_of_row(by_name, cells.value, environment, model, provider, emitter) as value,
    value_of_row(then_name, cells.value, environment, model, provider, emitter) as value_2,
    case when with_unpriced_models and n_unpriced > 0 then model end as unpriced_model,
    * exclude (project, day, hour_at, environment, model, provider, emitter, dimension, value)
from rollup_hours as cells
where project = of_project and dimension = rolled_as
    and (from_time is null or hour_at >= cast(from_time as timestamp))
    and (to_time is null or hour_at <= cast(to_time as timestamp) - interval 1 hour)
    and not list_contains(cast(open_hours as timestamp[]), hour_at)
    and (of_tenant is null or coalesce(cells.value, '') = of_tenant)
    and (of_prompt is null or coalesce(cells.value, '') = of_prompt)
    and (of_model is null or coalesce(model, '') = of_model)
    and (of_environment is null or coalesce(environment, '') = of_environment)
    and (only_name is null or coalesce(only_value, '') = coalesce(value_of_row(only_name, cells.value, environment, model, provider, emitter), ''))
union all by name
from calls_tallied(
    open_hours, open_days,
    of_project, from_time, to_time, of_minutes, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name,
    with_unpriced_models
);

-- purpose: What few calls of these hours have (a cache hit, a sampling rate, a cost that somebody reported ...), by one dimension.
-- Beside the rows of dimension.sql, which count the calls: here they count none.
insert into rollup_hours by name
select cast($project as varchar) as project, cast($day as date) as day, cast($dimension as varchar) as dimension, *
from (
    select
        date_trunc('hour', started_at) as hour_at,
        environment,
        coalesce(model_answered, model_requested) as model,
        provider,
        emitter,
        case when $dimension <> '' then dimension_value(
            $dimension, coalesce(attributed_tenant_id, tenant_id), user_id, session_id, feature, environment, model_answered, model_requested,
            provider, service_name, prompt_name, agent_name, emitter, dims
        ) end as value,
        0 as n_calls,
        0 as n_errors,
        0 as n_priced,
        0 as n_unpriced,
        cast(count(*) filter (cost_status = 'no_usage') as bigint) as n_no_usage,
        cast(count(*) filter (cache_hit) as bigint) as n_cache_hits,
        cast(count(effective_cost_usd) filter (cost_estimated) as bigint) as n_estimated,
        cast(count(*) filter (sampling_rate < 1) as bigint) as n_sampled,
        cast(count(reported_cost_usd) as bigint) as n_reported,
        cast(count(*) filter (billed_to = 'customer') as bigint) as n_customer_billed,
        cast(count(attributed_by) as bigint) as n_attributed,
        cast(sum(saved_cost_usd) as decimal(38, 12)) as saved_usd,
        cast(sum(reported_cost_usd) as decimal(38, 12)) as reported_cost_usd,
        cast(sum(list_cost_usd) filter (billed_to = 'customer') as decimal(38, 12)) as customer_billed_usd,
        cast(sum(unsent_calls(sampling_rate)) as decimal(38, 6)) as unsent,
        cast(sum(effective_cost_usd * unsent_calls(sampling_rate)) as decimal(38, 18)) as unsent_usd
    from spans
    where project = $project
        and role = 'call'
        and day = $day
        and date_trunc('hour', started_at) in (select unnest($hours))
        and is_exception(cost_status, cache_hit, cost_estimated, sampling_rate, reported_cost_usd, billed_to, attributed_by, saved_cost_usd)
    group by all
)

-- purpose: One dimension of some hours of one day; '' = all calls. The sums are those of store/views/window_tallies.sql.
-- What few calls have comes from exceptions.sql, in rows of its own that add up to the same: half of all sums, of a few calls only.
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
        cast(count(*) as bigint) as n_calls,
        cast(count(*) filter (status = 'error') as bigint) as n_errors,
        cast(count(effective_cost_usd) as bigint) as n_priced,
        cast(count(*) filter (cost_status in ('unpriced_model', 'unpriced_unit', 'conflict')) as bigint) as n_unpriced,
        cast(sum(input_tokens) as bigint) as input_tokens,
        cast(sum(cached_input_tokens) as bigint) as cached_input_tokens,
        cast(sum(output_tokens) as bigint) as output_tokens,
        cast(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) as bigint) as tokens,
        cast(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) filter (effective_cost_usd is not null) as bigint)
            as priced_tokens,
        cast(sum(effective_cost_usd) as decimal(38, 12)) as cost_usd,
        cast(sum(list_cost_usd) as decimal(38, 12)) as list_cost_usd,
        min(started_at) as first_started_at,
        max(started_at) as last_started_at,
        0 as n_no_usage,
        0 as n_cache_hits,
        0 as n_estimated,
        0 as n_sampled,
        0 as n_reported,
        0 as n_customer_billed,
        0 as n_attributed
    from spans
    where project = $project
        and role = 'call'
        and day = $day
        and date_trunc('hour', started_at) in (select unnest($hours))
    group by all
)

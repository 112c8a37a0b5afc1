-- purpose: How the calls of some hours of one day ended. The sums are those of store/views/window_outcomes.sql.
insert into rollup_outcomes by name
select cast($project as varchar) as project, cast($day as date) as day, *
from (
    select
        date_trunc('hour', started_at) as hour_at,
        environment,
        coalesce(model_answered, model_requested) as model,
        provider,
        case when status = 'error' then coalesce(error_class, 'other') end as error_class,
        cast(count(*) as bigint) as n_calls,
        cast(count(*) filter (attempt > 1) as bigint) as n_retries,
        cast(count(*) filter (cache_hit) as bigint) as n_cache_hits,
        cast(count(*) filter (finish_reason = 'length') as bigint) as n_truncated,
        cast(count(*) filter (finish_reason = 'content_filter' or error_class = 'content_filter') as bigint) as n_content_filter,
        cast(count(*) filter (stream) as bigint) as n_streamed,
        cast(count(*) filter (sampling_rate < 1) as bigint) as n_sampled,
        cast(count(effective_cost_usd) as bigint) as n_priced,
        cast(count(effective_cost_usd) filter (status = 'ok') as bigint) as n_priced_ok,
        cast(sum(output_tokens) filter (status = 'ok' and cache_hit is not true and duration_ns > 0) as bigint) as timed_tokens,
        cast(sum(duration_ns) filter (status = 'ok' and cache_hit is not true and output_tokens is not null) as bigint) as timed_ns,
        cast(sum(output_tokens - 1) filter (status = 'ok' and cache_hit is not true and output_tokens > 0 and duration_ns > ttft_ns) as bigint) as stream_tokens,
        cast(sum(duration_ns - ttft_ns) filter (status = 'ok' and cache_hit is not true and output_tokens > 0 and duration_ns > ttft_ns) as bigint) as stream_ns,
        cast(sum(input_tokens) as bigint) as input_tokens,
        cast(sum(cached_input_tokens) as bigint) as cached_input_tokens,
        cast(sum(output_tokens) as bigint) as output_tokens,
        cast(sum(effective_cost_usd) as decimal(38, 12)) as cost_usd,
        cast(sum(saved_cost_usd) as decimal(38, 12)) as saved_usd
    from spans
    where project = $project
        and role = 'call'
        and day = $day
        and date_trunc('hour', started_at) in (select unnest($hours))
    group by all
)

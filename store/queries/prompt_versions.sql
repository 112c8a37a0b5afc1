-- purpose: Prompts and their versions in use: calls, failures, speed, tokens and cost of each, newest version first.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls that name none
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- param limit integer optional: how many rows, 200 unless given
-- column prompt_name text: the prompt
-- column prompt_version text: the version; NULL = calls that do not say it
-- column registered_at utc: when the version was registered; NULL = it was not
-- column first_at utc: its first call within the window
-- column last_at utc: its last one
-- column n_calls calls: within the window
-- column n_errors calls: of these, failed
-- column n_truncated calls: whose answer ended at a limit of tokens
-- column models text: that answered, in alphabetical order
-- column n_timed calls: that the durations rest on: succeeded, not from a cache
-- column p50_ns ns: median duration of those
-- column p95_ns ns: 95th percentile of those
-- column input_tokens tokens: known input; NULL when none is known
-- column output_tokens tokens: known output; NULL when none is known
-- column n_priced calls: with a known cost
-- column cost_usd usd: sum of the known costs, as we pay them (effective); NULL when none is known
-- column cost_per_1k_usd usd: of a thousand calls with a known cost
with used as (
    select
        prompt_name,
        prompt_version,
        min(started_at) as first_at,
        max(started_at) as last_at,
        count(*) as n_calls,
        count(*) filter (status = 'error') as n_errors,
        count(*) filter (finish_reason = 'length') as n_truncated,
        list(distinct coalesce(model_answered, model_requested)) as models,
        count(duration_ns) filter (status = 'ok' and cache_hit is not true) as n_timed,
        quantile_cont(duration_ns, [0.5, 0.95]) filter (status = 'ok' and cache_hit is not true) as durations,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        count(effective_cost_usd) as n_priced,
        sum(effective_cost_usd) as cost_usd
    from calls_within(
        $scope, $since, $until, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value, null, null
    )
    where prompt_name is not null
    group by prompt_name, prompt_version
),

registered as (
    select prompt_name, version, min(recorded_at) as registered_at
    from prompt_versions
    where project = $scope
    group by prompt_name, version
)

select
    used.prompt_name,
    used.prompt_version,
    registered.registered_at,
    used.first_at,
    used.last_at,
    cast(used.n_calls as bigint) as n_calls,
    cast(used.n_errors as bigint) as n_errors,
    cast(used.n_truncated as bigint) as n_truncated,
    array_to_string(list_sort(used.models), ', ') as models,
    cast(used.n_timed as bigint) as n_timed,
    cast(used.durations[1] as bigint) as p50_ns,
    cast(used.durations[2] as bigint) as p95_ns,
    cast(used.input_tokens as bigint) as input_tokens,
    cast(used.output_tokens as bigint) as output_tokens,
    cast(used.n_priced as bigint) as n_priced,
    cast(used.cost_usd as decimal(38, 12)) as cost_usd,
    cast(cast(used.cost_usd as double) * 1000 / used.n_priced as decimal(38, 12)) as cost_per_1k_usd
from used
left join registered on registered.prompt_name = used.prompt_name and registered.version = used.prompt_version
order by used.prompt_name, used.first_at desc, used.prompt_version
limit coalesce($limit, 200)

-- purpose: Providers, models or the values of any dimension side by side: failures, retries, speed, cache and cost, most calls first.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls that name none
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- param by text optional: what to compare: a name that the query `dimensions` lists; the provider unless given
-- param then_by text optional: a second dimension, for a row for each pair
-- param limit integer optional: how many rows, 100 unless given
-- column value text: of `by`; NULL = the telemetry says none
-- column value_2 text: of `then_by`
-- column n_calls calls: model calls, failed ones and further attempts included
-- column n_errors calls: of these, failed
-- column error_classes json: failures by class, as class -> calls
-- column n_retries calls: that were a second or later attempt of their request
-- column n_cache_hits calls: answered from a response cache
-- column n_truncated calls: whose answer ended at a limit of tokens
-- column n_timed calls: that the durations rest on: succeeded, not from a cache
-- column p50_ns ns: median duration of those
-- column p95_ns ns: 95th percentile of those
-- column p99_ns ns: 99th percentile of those
-- column n_ttft calls: of those, with a known time to the first token
-- column ttft_p50_ns ns: median time to the first token
-- column ttft_p95_ns ns: 95th percentile of it
-- column tokens_per_s tokens_per_s: speed of those: all their output tokens by all the time they took
-- column stream_tokens_per_s tokens_per_s: speed after the first token, of the calls whose time to it is known
-- column input_tokens tokens: known input, cached and written included; NULL when none is known
-- column cached_input_tokens tokens: of those, read from the provider's cache; NULL when none is known
-- column output_tokens tokens: known output
-- column n_priced calls: with a known cost
-- column cost_usd usd: sum of the known costs, as we pay them (effective); NULL when none is known
-- column cost_per_1k_usd usd: of a thousand calls with a known cost
with outcomes as (
    select *
    from window_outcomes(
        $scope, $since, $until, null, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value, coalesce($by, 'provider'), $then_by
    )
),

failed as (
    select value, value_2, to_json(map_from_entries(list((error_class, n_calls) order by error_class))) as error_classes
    from (
        select value, value_2, error_class, cast(sum(n_calls) as bigint) as n_calls
        from outcomes
        where error_class is not null
        group by all
    )
    group by all
),

compared as (
    select
        value,
        value_2,
        sum(n_calls) as n_calls,
        coalesce(sum(n_calls) filter (error_class is not null), 0) as n_errors,
        coalesce(sum(n_retries), 0) as n_retries,
        coalesce(sum(n_cache_hits), 0) as n_cache_hits,
        coalesce(sum(n_truncated), 0) as n_truncated,
        sum(timed_tokens) * 1e9 / nullif(sum(timed_ns), 0) as tokens_per_s,
        sum(stream_tokens) * 1e9 / nullif(sum(stream_ns), 0) as stream_tokens_per_s,
        sum(input_tokens) as input_tokens,
        sum(cached_input_tokens) as cached_input_tokens,
        sum(output_tokens) as output_tokens,
        coalesce(sum(n_priced), 0) as n_priced,
        sum(cost_usd) as cost_usd
    from outcomes
    group by all
),

timed as (
    select *
    from window_latencies(
        $scope, $since, $until, null, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value,
        by_name := coalesce($by, 'provider'), then_name := $then_by, with_ttft := true
    )
)

select
    compared.value,
    compared.value_2,
    cast(n_calls as bigint) as n_calls,
    cast(n_errors as bigint) as n_errors,
    cast(error_classes as varchar) as error_classes,
    cast(n_retries as bigint) as n_retries,
    cast(n_cache_hits as bigint) as n_cache_hits,
    cast(n_truncated as bigint) as n_truncated,
    cast(coalesce(n_timed, 0) as bigint) as n_timed,
    p50_ns,
    p95_ns,
    p99_ns,
    cast(coalesce(n_ttft, 0) as bigint) as n_ttft,
    ttft_p50_ns,
    ttft_p95_ns,
    tokens_per_s,
    stream_tokens_per_s,
    cast(input_tokens as bigint) as input_tokens,
    cast(cached_input_tokens as bigint) as cached_input_tokens,
    cast(output_tokens as bigint) as output_tokens,
    cast(n_priced as bigint) as n_priced,
    cast(cost_usd as decimal(38, 12)) as cost_usd,
    cast(cast(cost_usd as double) * 1000 / n_priced as decimal(38, 12)) as cost_per_1k_usd
from compared
left join failed on failed.value is not distinct from compared.value and failed.value_2 is not distinct from compared.value_2
left join timed on timed.value is not distinct from compared.value and timed.value_2 is not distinct from compared.value_2
order by compared.n_calls desc, compared.value nulls last, compared.value_2 nulls last
limit coalesce($limit, 100)

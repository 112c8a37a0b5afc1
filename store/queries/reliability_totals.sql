-- purpose: Calls, failures, speed, cache and broken-off answers of one window of time, as one row.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls that name none
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column n_calls calls: model calls, failed ones and further attempts included
-- column n_errors calls: of these, failed
-- column n_retries calls: that were a second or later attempt of their request
-- column n_cache_hits calls: answered from a response cache
-- column saved_usd usd: what those would have cost
-- column n_truncated calls: whose answer ended at a limit of tokens
-- column n_content_filter calls: stopped or refused by a content filter
-- column n_streamed calls: of which telemetry says that they were streamed
-- column n_sampled calls: standing for others that were not sent (sampling rate below 1)
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
-- column n_priced calls: with a known cost
-- column cost_usd usd: sum of the known costs, as we pay them (effective); NULL when none is known
-- column n_priced_ok calls: of the calls with a known cost, succeeded
-- column cost_per_success_usd usd: all known cost by the calls with a known cost that succeeded
with ended as (
    select
        coalesce(sum(n_calls), 0) as n_calls,
        coalesce(sum(n_calls) filter (error_class is not null), 0) as n_errors,
        coalesce(sum(n_retries), 0) as n_retries,
        coalesce(sum(n_cache_hits), 0) as n_cache_hits,
        sum(saved_usd) as saved_usd,
        coalesce(sum(n_truncated), 0) as n_truncated,
        coalesce(sum(n_content_filter), 0) as n_content_filter,
        coalesce(sum(n_streamed), 0) as n_streamed,
        coalesce(sum(n_sampled), 0) as n_sampled,
        sum(timed_tokens) * 1e9 / nullif(sum(timed_ns), 0) as tokens_per_s,
        sum(stream_tokens) * 1e9 / nullif(sum(stream_ns), 0) as stream_tokens_per_s,
        sum(input_tokens) as input_tokens,
        sum(cached_input_tokens) as cached_input_tokens,
        coalesce(sum(n_priced), 0) as n_priced,
        sum(cost_usd) as cost_usd,
        coalesce(sum(n_priced_ok), 0) as n_priced_ok
    from window_outcomes(
        $scope, $since, $until, null, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value, null, null
    )
),

timed as (
    select *
    from window_latencies(
        $scope, $since, $until, null, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value, with_ttft := true
    )
)

select
    cast(n_calls as bigint) as n_calls,
    cast(n_errors as bigint) as n_errors,
    cast(n_retries as bigint) as n_retries,
    cast(n_cache_hits as bigint) as n_cache_hits,
    cast(saved_usd as decimal(38, 12)) as saved_usd,
    cast(n_truncated as bigint) as n_truncated,
    cast(n_content_filter as bigint) as n_content_filter,
    cast(n_streamed as bigint) as n_streamed,
    cast(n_sampled as bigint) as n_sampled,
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
    cast(n_priced as bigint) as n_priced,
    cast(cost_usd as decimal(38, 12)) as cost_usd,
    cast(n_priced_ok as bigint) as n_priced_ok,
    cast(cast(cost_usd as double) / nullif(n_priced_ok, 0) as decimal(38, 12)) as cost_per_success_usd
from ended
left join timed on true

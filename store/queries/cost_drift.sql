-- purpose: Where emitters report another cost than the list price that was computed for the same calls, largest difference first.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- column provider text: who sold it
-- column model text: the model that answered, else the one asked for
-- column emitter text: the instrumentation that reported a cost
-- column n_calls calls: with both a reported and a computed cost, cache hits excluded
-- column n_differ calls: of these, apart by more than 1 % of the computed cost
-- column reported_cost_usd usd: what was reported for them
-- column list_cost_usd usd: what they cost at list prices
-- column difference_usd usd: reported less computed
-- column span_id hex: of the call that differs most, for `explain`
-- column trace_id hex: its trace
with compared as (
    select
        provider,
        coalesce(model_answered, model_requested) as model,
        emitter,
        reported_cost_usd,
        list_cost_usd,
        reported_cost_usd - list_cost_usd as difference_usd,
        span_id,
        trace_id
    from calls
    where project = $scope
        and started_at >= $since
        and started_at < $until
        and reported_cost_usd is not null
        and list_cost_usd is not null
        and cache_hit is not true
)

select
    provider,
    model,
    emitter,
    cast(count(*) as bigint) as n_calls,
    cast(count(*) filter (abs(difference_usd) > 0.01 * list_cost_usd) as bigint) as n_differ,
    cast(sum(reported_cost_usd) as decimal(38, 12)) as reported_cost_usd,
    cast(sum(list_cost_usd) as decimal(38, 12)) as list_cost_usd,
    cast(sum(difference_usd) as decimal(38, 12)) as difference_usd,
    arg_max(span_id, abs(difference_usd)) as span_id,
    arg_max(trace_id, abs(difference_usd)) as trace_id
from compared
group by provider, model, emitter
having count(*) filter (abs(difference_usd) > 0.01 * list_cost_usd) > 0
order by abs(sum(difference_usd)) desc, provider, model, emitter

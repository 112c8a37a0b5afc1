-- purpose: What each UTC day cost, in all or for the values of a dimension that cost most, the rest as one: what a forecast rests on.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param top integer: how many values are named
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls that name none
-- param by text optional: what to group by: a name that the query `dimensions` lists; not given = all calls as one
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column value text: of the dimension grouped by; empty = the telemetry says none, or not grouped; NULL = all others together
-- column rank count: 1 = costliest of the window; 0 = all others together
-- column day date: UTC; days without calls have no row
-- column n_calls calls: model calls, failed ones included
-- column n_priced calls: of these, with a known cost
-- column n_unpriced calls: of these, with usage that no price was found for
-- column tokens tokens: known input and output
-- column priced_tokens tokens: of the tokens, in calls with a known cost
-- column cost_usd usd: sum of the known costs, as we pay them (effective); NULL when none is known
with spent as (
    select
        coalesce(value, '') as value,
        cast(bucket_at as date) as day,
        sum(n_calls) as n_calls,
        sum(n_priced) as n_priced,
        sum(n_unpriced) as n_unpriced,
        sum(tokens) as tokens,
        sum(priced_tokens) as priced_tokens,
        sum(cost_usd) as cost_usd
    from window_tallies(
        $scope, $since, $until, 1440, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value, $by, null
    )
    group by all
),

ranked as (
    select
        value,
        row_number() over (order by sum(cost_usd) desc nulls last, sum(n_calls) desc, value) as position
    from spent
    group by value
),

named as (
    select
        spent.* replace (case when ranked.position <= $top then spent.value end as value),
        case when ranked.position <= $top then ranked.position else 0 end as rank
    from spent
    inner join ranked on ranked.value = spent.value
)

select
    value,
    cast(rank as bigint) as rank,
    day,
    cast(sum(n_calls) as bigint) as n_calls,
    cast(sum(n_priced) as bigint) as n_priced,
    cast(sum(n_unpriced) as bigint) as n_unpriced,
    cast(sum(tokens) as bigint) as tokens,
    cast(coalesce(sum(priced_tokens), 0) as bigint) as priced_tokens,
    cast(sum(cost_usd) as decimal(38, 12)) as cost_usd
from named
group by value, rank, day
order by rank = 0, rank, day

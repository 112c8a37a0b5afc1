-- purpose: Spend over time by model, or by another dimension: the costliest by name and the rest as one.
-- param since time: start of the first bucket
-- param until time: up to, not including, this moment
-- param bucket_minutes integer: width of a bucket; whole buckets divide a UTC day
-- param top integer: how many are named
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param by text optional: what to group by instead of the model: a name that the query `dimensions` lists
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls without one
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column bucket_at utc: start of the bucket
-- column model text: the model that answered, else the one asked for; empty = none named; NULL = all others together, or not by model
-- column rank count: 1 = costliest of the window; 0 = all others together
-- column n_calls calls: model calls
-- column cost_usd usd: sum of the known costs, as we pay them (effective)
-- column value text: of the dimension grouped by; empty = the telemetry says none; NULL = all others together
-- column n_sampled calls: of these, standing for others that were not sent (sampling rate below 1)
-- column n_priced calls: with a known cost
-- column tokens tokens: known input and output
-- column priced_tokens tokens: of the tokens, in calls with a known cost
-- column list_cost_usd usd: the known costs at list prices
with spent as (
    select
        bucket_at,
        coalesce(value, '') as value,
        sum(n_calls) as n_calls,
        coalesce(sum(n_sampled), 0) as n_sampled,
        sum(cost_usd) as cost_usd,
        coalesce(sum(n_priced), 0) as n_priced,
        sum(tokens) as tokens,
        sum(priced_tokens) as priced_tokens,
        sum(list_cost_usd) as list_cost_usd
    from window_tallies(
        $scope, $since, $until, $bucket_minutes, $tenant_id, $model, $environment, $prompt_name,
        $dimension, $dimension_value, coalesce($by, 'model'), null
    )
    group by bucket_at, coalesce(value, '')
    having sum(cost_usd) is not null
),

ranked as (
    select
        value,
        row_number() over (order by sum(cost_usd) desc, value) as position
    from spent
    group by value
),

named as (
    select
        spent.bucket_at,
        case when ranked.position <= $top then spent.value end as value,
        case when ranked.position <= $top then ranked.position else 0 end as rank,
        spent.n_calls,
        spent.n_sampled,
        spent.cost_usd,
        spent.n_priced,
        spent.tokens,
        spent.priced_tokens,
        spent.list_cost_usd
    from spent
    inner join ranked on ranked.value = spent.value
)

select
    bucket_at,
    case when coalesce($by, 'model') = 'model' then value end as model,
    cast(rank as bigint) as rank,
    cast(sum(n_calls) as bigint) as n_calls,
    cast(sum(cost_usd) as decimal(38, 12)) as cost_usd,
    value,
    cast(sum(n_sampled) as bigint) as n_sampled,
    cast(sum(n_priced) as bigint) as n_priced,
    cast(sum(tokens) as bigint) as tokens,
    cast(sum(priced_tokens) as bigint) as priced_tokens,
    cast(sum(list_cost_usd) as decimal(38, 12)) as list_cost_usd
from named
group by bucket_at, value, rank
order by bucket_at, rank

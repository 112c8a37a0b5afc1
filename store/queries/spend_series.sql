-- purpose: Spend over time by model, the costliest models by name and the rest as one.
-- param since time: start of the first bucket
-- param until time: up to, not including, this moment
-- param bucket_minutes integer: width of a bucket; whole buckets divide a UTC day
-- param top integer: how many models are named
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- column bucket_at utc: start of the bucket
-- column model text: the model that answered, else the one asked for; empty = none named; NULL = all others together
-- column rank count: 1 = costliest of the window; 0 = all others together
-- column n_calls calls: model calls
-- column cost_usd usd: sum of the known costs
with spent as (
    select
        time_bucket(to_minutes($bucket_minutes), started_at) as bucket_at,
        coalesce(model_answered, model_requested, '') as model,
        count(*) as n_calls,
        sum(list_cost_usd) as cost_usd
    from calls
    where project = $scope
        and started_at >= $since
        and started_at < $until
        and ($tenant_id is null or coalesce(tenant_id, '') = $tenant_id)
        and ($model is null or coalesce(model_answered, model_requested, '') = $model)
    group by all
    having sum(list_cost_usd) is not null
),

ranked as (
    select
        model,
        row_number() over (order by sum(cost_usd) desc, model) as position
    from spent
    group by model
),

named as (
    select
        spent.bucket_at,
        case when ranked.position <= $top then spent.model end as model,
        case when ranked.position <= $top then ranked.position else 0 end as rank,
        spent.n_calls,
        spent.cost_usd
    from spent
    inner join ranked on ranked.model = spent.model
)

select
    bucket_at,
    model,
    cast(rank as bigint) as rank,
    cast(sum(n_calls) as bigint) as n_calls,
    cast(sum(cost_usd) as decimal(38, 12)) as cost_usd
from named
group by bucket_at, model, rank
order by bucket_at, rank

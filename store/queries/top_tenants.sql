-- purpose: The tenants that cost most in one window of time, and the rest as one row, so that rows sum to the total.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param top integer: how many tenants get a row of their own
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- column kind text: tenant, no_tenant or others
-- column tenant_id text: whom the calls were for; NULL unless kind = tenant
-- column n_tenants tenants: that the row stands for
-- column n_calls calls: model calls, failed ones included
-- column n_errors calls: of these, failed
-- column n_priced calls: of these, with a known cost
-- column n_unpriced calls: of these, with usage that no price was found for
-- column tokens tokens: known input and output
-- column cost_usd usd: sum of the known costs; NULL when none is known
with per_tenant as (
    select
        tenant_id,
        count(*) as n_calls,
        count(*) filter (status = 'error') as n_errors,
        count(list_cost_usd) as n_priced,
        count(*) filter (cost_status in ('unpriced_model', 'unpriced_unit', 'conflict')) as n_unpriced,
        sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) as tokens,
        sum(list_cost_usd) as cost_usd
    from calls
    where project = $scope
        and started_at >= $since
        and started_at < $until
        and ($tenant_id is null or coalesce(tenant_id, '') = $tenant_id)
        and ($model is null or coalesce(model_answered, model_requested, '') = $model)
    group by tenant_id
),

named as (
    select
        *,
        row_number() over (order by cost_usd desc nulls last, n_calls desc, tenant_id nulls last) <= $top as is_named
    from per_tenant
)

select
    case when not is_named then 'others' when tenant_id is null then 'no_tenant' else 'tenant' end as kind,
    case when is_named then tenant_id end as tenant_id,
    cast(count(tenant_id) as bigint) as n_tenants,
    cast(sum(n_calls) as bigint) as n_calls,
    cast(sum(n_errors) as bigint) as n_errors,
    cast(sum(n_priced) as bigint) as n_priced,
    cast(sum(n_unpriced) as bigint) as n_unpriced,
    cast(sum(tokens) as bigint) as tokens,
    cast(sum(cost_usd) as decimal(38, 12)) as cost_usd
from named
group by is_named, case when is_named then tenant_id end, case when not is_named then 'others' when tenant_id is null then 'no_tenant' else 'tenant' end
order by is_named desc, cost_usd desc nulls last, n_calls desc, tenant_id nulls last

-- purpose: Every tenant there is: those that records describe, those that only telemetry names, and the calls of none.
-- param at time optional: what records said at this moment; of now, if not given
-- param since time optional: count calls from this moment on
-- param until time optional: count calls up to, not including, this moment
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- column tenant_id text: whom calls are for; NULL = the calls of no tenant
-- column name text: by the records; NULL = not recorded
-- column owner text: who answers for the tenant's spend
-- column cost_centre text: where it is booked
-- column plan text: what the tenant has bought
-- column billed_to text: us or customer, whose account providers bill; NULL = no record says, so us
-- column n_records records: that describe the tenant; 0 = only telemetry names it
-- column first_seen time: start of the first counted call; NULL without calls
-- column last_seen time: start of the last counted call
-- column n_calls calls: counted calls, failed ones included
-- column n_attributed calls: of these, given to the tenant by a rule
-- column n_priced calls: of these, with a known cost
-- column cost_usd usd: sum of the known costs, as we pay them (effective); NULL when none is known
-- column list_cost_usd usd: the same at list prices, customers' own accounts included
-- column customer_billed_usd usd: list price of calls billed to the customer's own account; in no cost_usd
with said as (
    select
        tenant_id,
        -- Of each field what the record says that began last; of two that began together, the later one. Empty = no more.
        nullif(arg_max(name, order_of), '') as name,
        nullif(arg_max(owner, order_of), '') as owner,
        nullif(arg_max(cost_centre, order_of), '') as cost_centre,
        nullif(arg_max(plan, order_of), '') as plan,
        arg_max(billed_to, order_of) as billed_to
    from (
        select
            *,
            row_number() over (order by coalesce(valid_from, timestamp '1970-01-01'), received_at, tenant_key) as order_of
        from tenants
        where project = $scope
    )
    where coalesce(valid_from, timestamp '1970-01-01') <= coalesce($at, cast(now() as timestamp))
    group by tenant_id
),

recorded as (
    select tenant_id, count(*) as n_records
    from tenants
    where project = $scope
    group by tenant_id
),

seen as (
    select
        value as tenant_id,
        min(first_started_at) as first_seen,
        max(last_started_at) as last_seen,
        sum(n_calls) as n_calls,
        coalesce(sum(n_attributed), 0) as n_attributed,
        coalesce(sum(n_priced), 0) as n_priced,
        sum(cost_usd) as cost_usd,
        sum(list_cost_usd) as list_cost_usd,
        sum(customer_billed_usd) as customer_billed_usd
    from window_tallies($scope, $since, $until, null, $tenant_id, null, null, null, null, null, 'tenant_id', null)
    group by value
)

select
    tenant_id,
    name,
    owner,
    cost_centre,
    plan,
    billed_to,
    cast(coalesce(n_records, 0) as bigint) as n_records,
    first_seen,
    last_seen,
    cast(coalesce(n_calls, 0) as bigint) as n_calls,
    cast(coalesce(n_attributed, 0) as bigint) as n_attributed,
    cast(coalesce(n_priced, 0) as bigint) as n_priced,
    cast(cost_usd as decimal(38, 12)) as cost_usd,
    cast(list_cost_usd as decimal(38, 12)) as list_cost_usd,
    cast(customer_billed_usd as decimal(38, 12)) as customer_billed_usd
from recorded
left join said using (tenant_id)
full join seen using (tenant_id)
where $tenant_id is null or coalesce(tenant_id, '') = $tenant_id
order by tenant_id is null, cost_usd desc nulls last, n_calls desc, tenant_id

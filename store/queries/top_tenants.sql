-- purpose: The tenants, or the values of another dimension, that cost most in one window of time, and the rest as one row, so that rows sum to the total.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param top integer: how many get a row of their own
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param by text optional: what to group by instead of tenant_id: a name that the query `dimensions` lists
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls without one
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column kind text: tenant, no_tenant or others; value and no_value when not by tenant
-- column tenant_id text: whom the calls were for; NULL unless kind = tenant
-- column n_tenants tenants: that the row stands for; values when not by tenant
-- column n_calls calls: model calls, failed ones included
-- column n_errors calls: of these, failed
-- column n_priced calls: of these, with a known cost
-- column n_unpriced calls: of these, with usage that no price was found for
-- column tokens tokens: known input and output
-- column cost_usd usd: sum of the known costs, as we pay them (effective); NULL when none is known
-- column value text: of the dimension grouped by; NULL unless kind is tenant or value
-- column n_sampled calls: of these, standing for others that were not sent (sampling rate below 1)
-- column estimated_calls calls: an estimate of how many were made: each weighted by 1 / its sampling rate
-- column estimated_cost_usd usd: an estimate of what they cost: known costs, weighted so; equal to cost_usd when none was sampled
-- column priced_tokens tokens: of the tokens, in calls with a known cost
-- column list_cost_usd usd: the known costs at list prices, customers' own accounts included
-- column customer_billed_usd usd: list price of calls billed to the customer's own account; in no cost_usd
with per_value as (
    select
        value,
        sum(n_calls) as n_calls,
        coalesce(sum(n_errors), 0) as n_errors,
        coalesce(sum(n_priced), 0) as n_priced,
        coalesce(sum(n_unpriced), 0) as n_unpriced,
        sum(tokens) as tokens,
        sum(cost_usd) as cost_usd,
        coalesce(sum(n_sampled), 0) as n_sampled,
        coalesce(sum(unsent), 0) as unsent,
        coalesce(sum(unsent_usd), 0) as unsent_usd,
        sum(priced_tokens) as priced_tokens,
        sum(list_cost_usd) as list_cost_usd,
        sum(customer_billed_usd) as customer_billed_usd
    from window_tallies(
        $scope, $since, $until, null, $tenant_id, $model, $environment, $prompt_name,
        $dimension, $dimension_value, coalesce($by, 'tenant_id'), null
    )
    group by value
),

named as (
    select
        *,
        row_number() over (order by cost_usd desc nulls last, n_calls desc, value nulls last) <= $top as is_named,
        case when coalesce($by, 'tenant_id') = 'tenant_id' then 'tenant' else 'value' end as named_kind
    from per_value
),

told as (
    select
        * replace (case when is_named then value end as value),
        value is not null as is_known,
        case when not is_named then 'others' when value is null then 'no_' || named_kind else named_kind end as kind
    from named
)

select
    kind,
    case when coalesce($by, 'tenant_id') = 'tenant_id' then value end as tenant_id,
    cast(count(*) filter (is_known) as bigint) as n_tenants,
    cast(sum(n_calls) as bigint) as n_calls,
    cast(sum(n_errors) as bigint) as n_errors,
    cast(sum(n_priced) as bigint) as n_priced,
    cast(sum(n_unpriced) as bigint) as n_unpriced,
    cast(sum(tokens) as bigint) as tokens,
    cast(sum(cost_usd) as decimal(38, 12)) as cost_usd,
    value,
    cast(sum(n_sampled) as bigint) as n_sampled,
    cast(round(sum(n_calls + unsent)) as bigint) as estimated_calls,
    cast(sum(cost_usd + unsent_usd) as decimal(38, 12)) as estimated_cost_usd,
    cast(coalesce(sum(priced_tokens), 0) as bigint) as priced_tokens,
    cast(sum(list_cost_usd) as decimal(38, 12)) as list_cost_usd,
    cast(sum(customer_billed_usd) as decimal(38, 12)) as customer_billed_usd
from told
group by is_named, kind, value
order by is_named desc, cost_usd desc nulls last, n_calls desc, value nulls last

-- purpose: What one UTC month cost in all, and how much of it could be priced, as one row.
-- param month date: first day of the month
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls without one
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column n_calls calls: model calls, failed ones included
-- column n_errors calls: of these, failed
-- column n_priced calls: of these, with a known cost (priced, free or a cache hit)
-- column n_unpriced calls: of these, with usage that no price was found for
-- column n_no_usage calls: of these, without any usage to price
-- column n_cache_hits calls: of these, answered from a response cache
-- column n_estimated calls: of these, with a cost that is an estimate
-- column n_sampled calls: of these, standing for others that were not sent (sampling rate below 1)
-- column n_tenants tenants: that made calls
-- column tokens tokens: known input and output
-- column priced_tokens tokens: of these, in calls with a known cost
-- column cost_usd usd: sum of the known costs, as we pay them (effective); NULL when none is known
-- column saved_usd usd: what cache hits would have cost
-- column unpriced_models text: the models that no price was found for
-- column last_started_at utc: the newest call of the month
-- column estimated_calls calls: an estimate of how many were made: each weighted by 1 / its sampling rate
-- column estimated_cost_usd usd: an estimate of what they cost: known costs, weighted so; equal to cost_usd when none was sampled
-- column list_cost_usd usd: the known costs at list prices, before agreements, customers' own accounts included
-- column reported_cost_usd usd: what emitters said that calls cost; NULL when none said it
-- column n_reported calls: of which an emitter said so
-- column n_customer_billed calls: billed to the customer's own account: they cost us 0
-- column customer_billed_usd usd: list price of those; in no cost_usd
-- column closed_at utc: when the month was closed; NULL = it is open
-- column n_corrections calls: of closed months, whose differences are booked in this month; whatever the filter
-- column correction_usd usd: those differences (effective), not in cost_usd; NULL = none
select
    cast(coalesce(sum(n_calls), 0) as bigint) as n_calls,
    cast(coalesce(sum(n_errors), 0) as bigint) as n_errors,
    cast(coalesce(sum(n_priced), 0) as bigint) as n_priced,
    cast(coalesce(sum(n_unpriced), 0) as bigint) as n_unpriced,
    cast(coalesce(sum(n_no_usage), 0) as bigint) as n_no_usage,
    cast(coalesce(sum(n_cache_hits), 0) as bigint) as n_cache_hits,
    cast(coalesce(sum(n_estimated), 0) as bigint) as n_estimated,
    cast(coalesce(sum(n_sampled), 0) as bigint) as n_sampled,
    (
        select cast(count(distinct value) as bigint)
        from window_tallies(
            $scope, cast($month as date), cast($month as date) + interval 1 month, null, $tenant_id, $model, $environment, $prompt_name,
            $dimension, $dimension_value, 'tenant_id', null
        )
    ) as n_tenants,
    cast(coalesce(sum(tokens), 0) as bigint) as tokens,
    cast(coalesce(sum(priced_tokens), 0) as bigint)
        as priced_tokens,
    cast(sum(cost_usd) as decimal(38, 12)) as cost_usd,
    cast(sum(saved_usd) as decimal(38, 12)) as saved_usd,
    string_agg(distinct unpriced_model, ', ' order by unpriced_model) as unpriced_models,
    max(last_started_at) as last_started_at,
    cast(coalesce(sum(n_calls), 0) + coalesce(round(sum(unsent)), 0) as bigint) as estimated_calls,
    cast(sum(cost_usd) + coalesce(sum(unsent_usd), 0) as decimal(38, 12)) as estimated_cost_usd,
    cast(sum(list_cost_usd) as decimal(38, 12)) as list_cost_usd,
    cast(sum(reported_cost_usd) as decimal(38, 12)) as reported_cost_usd,
    cast(coalesce(sum(n_reported), 0) as bigint) as n_reported,
    cast(coalesce(sum(n_customer_billed), 0) as bigint) as n_customer_billed,
    cast(sum(customer_billed_usd) as decimal(38, 12)) as customer_billed_usd,
    (
        select case when arg_max(status, (recorded_at, period_key)) = 'closed' then max(recorded_at) end
        from periods
        where project = $scope and month = cast($month as date) and recorded_at is not null
    ) as closed_at,
    (
        select cast(count(*) as bigint)
        from corrections
        where project = $scope and booked_month = cast($month as date)
    ) as n_corrections,
    (
        select cast(sum(effective_delta_usd) as decimal(38, 12))
        from corrections
        where project = $scope and booked_month = cast($month as date)
    ) as correction_usd
from window_tallies(
    $scope, cast($month as date), cast($month as date) + interval 1 month, null, $tenant_id, $model, $environment, $prompt_name,
    $dimension, $dimension_value, null, null, with_unpriced_models := true
)

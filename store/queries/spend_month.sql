-- purpose: What each tenant, or each value of another dimension, cost in one UTC month, with what could not be priced beside it.
-- param month date: first day of the month
-- param by text optional: what to group by instead of tenant_id: a name that the query `dimensions` lists
-- param then_by text optional: a second dimension to group by
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls without one
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- param limit integer optional: at most so many rows, the costliest
-- column tenant_id text: whom the calls were for; NULL = no tenant in the telemetry, or not grouped by it
-- column n_calls calls: model calls, failed ones included
-- column n_errors calls: of these, failed
-- column n_priced calls: of these, with a known cost (priced, free or a cache hit)
-- column n_unpriced calls: of these, with usage that no price was found for
-- column n_no_usage calls: of these, without any usage to price
-- column input_tokens tokens: known input, cached and written included
-- column cached_input_tokens tokens: of the input, read from the provider's cache
-- column output_tokens tokens: known output, reasoning included
-- column cost_usd usd: sum of the known costs, as we pay them (effective); NULL when none is known
-- column saved_usd usd: what cache hits would have cost
-- column unpriced_models text: the models that no price was found for
-- column value text: of the dimension grouped by; NULL = the telemetry says none
-- column value_2 text: of the second dimension; NULL = the telemetry says none, or there is no second
-- column n_sampled calls: of these, standing for others that were not sent (sampling rate below 1)
-- column estimated_calls calls: an estimate of how many were made: each weighted by 1 / its sampling rate
-- column estimated_cost_usd usd: an estimate of what they cost: known costs, weighted so; equal to cost_usd when none was sampled
-- column tokens tokens: known input and output
-- column priced_tokens tokens: of the known input and output, in calls with a known cost
-- column list_cost_usd usd: the known costs at list prices, before agreements, customers' own accounts included
-- column reported_cost_usd usd: what emitters said that calls cost; NULL when none said it
-- column n_reported calls: of which an emitter said so
-- column n_customer_billed calls: billed to the customer's own account: they cost us 0
-- column customer_billed_usd usd: list price of those; in no cost_usd
select
    case
        when coalesce($by, 'tenant_id') = 'tenant_id' then value
        when $then_by = 'tenant_id' then value_2
    end as tenant_id,
    cast(coalesce(sum(n_calls), 0) as bigint) as n_calls,
    cast(coalesce(sum(n_errors), 0) as bigint) as n_errors,
    cast(coalesce(sum(n_priced), 0) as bigint) as n_priced,
    cast(coalesce(sum(n_unpriced), 0) as bigint) as n_unpriced,
    cast(coalesce(sum(n_no_usage), 0) as bigint) as n_no_usage,
    cast(sum(input_tokens) as bigint) as input_tokens,
    cast(sum(cached_input_tokens) as bigint) as cached_input_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    cast(sum(cost_usd) as decimal(38, 12)) as cost_usd,
    cast(sum(saved_usd) as decimal(38, 12)) as saved_usd,
    string_agg(distinct unpriced_model, ', ' order by unpriced_model) as unpriced_models,
    value,
    value_2,
    cast(coalesce(sum(n_sampled), 0) as bigint) as n_sampled,
    cast(coalesce(sum(n_calls), 0) + coalesce(round(sum(unsent)), 0) as bigint) as estimated_calls,
    cast(sum(cost_usd) + coalesce(sum(unsent_usd), 0) as decimal(38, 12)) as estimated_cost_usd,
    cast(coalesce(sum(tokens), 0) as bigint) as tokens,
    cast(coalesce(sum(priced_tokens), 0) as bigint)
        as priced_tokens,
    cast(sum(list_cost_usd) as decimal(38, 12)) as list_cost_usd,
    cast(sum(reported_cost_usd) as decimal(38, 12)) as reported_cost_usd,
    cast(coalesce(sum(n_reported), 0) as bigint) as n_reported,
    cast(coalesce(sum(n_customer_billed), 0) as bigint) as n_customer_billed,
    cast(sum(customer_billed_usd) as decimal(38, 12)) as customer_billed_usd
from window_tallies(
    $scope, cast($month as date), cast($month as date) + interval 1 month, null, $tenant_id, $model, $environment, $prompt_name,
    $dimension, $dimension_value, coalesce($by, 'tenant_id'), $then_by, with_unpriced_models := true
)
group by value, value_2
order by cost_usd desc nulls last, value nulls last, value_2 nulls last
limit $limit

-- purpose: What one UTC month cost in all, and how much of it could be priced, as one row.
-- param month date: first day of the month
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
    cast(count(*) as bigint) as n_calls,
    cast(count(*) filter (status = 'error') as bigint) as n_errors,
    cast(count(effective_cost_usd) as bigint) as n_priced,
    cast(count(*) filter (cost_status in ('unpriced_model', 'unpriced_unit', 'conflict')) as bigint) as n_unpriced,
    cast(count(*) filter (cost_status = 'no_usage') as bigint) as n_no_usage,
    cast(count(*) filter (cache_hit) as bigint) as n_cache_hits,
    cast(count(effective_cost_usd) filter (cost_estimated) as bigint) as n_estimated,
    cast(count(*) filter (sampling_rate < 1) as bigint) as n_sampled,
    cast(count(distinct tenant_id) as bigint) as n_tenants,
    cast(coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)), 0) as bigint) as tokens,
    cast(coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) filter (effective_cost_usd is not null), 0) as bigint)
        as priced_tokens,
    cast(sum(effective_cost_usd) as decimal(38, 12)) as cost_usd,
    cast(sum(saved_cost_usd) as decimal(38, 12)) as saved_usd,
    string_agg(distinct coalesce(model_answered, model_requested), ', ' order by coalesce(model_answered, model_requested))
        filter (cost_status in ('unpriced_model', 'unpriced_unit', 'conflict')) as unpriced_models,
    max(started_at) as last_started_at,
    cast(count(*) + coalesce(round(sum(unsent_calls(sampling_rate))), 0) as bigint) as estimated_calls,
    cast(sum(effective_cost_usd) + coalesce(sum(effective_cost_usd * unsent_calls(sampling_rate)), 0) as decimal(38, 12)) as estimated_cost_usd,
    cast(sum(list_cost_usd) as decimal(38, 12)) as list_cost_usd,
    cast(sum(reported_cost_usd) as decimal(38, 12)) as reported_cost_usd,
    cast(count(reported_cost_usd) as bigint) as n_reported,
    cast(count(*) filter (billed_to = 'customer') as bigint) as n_customer_billed,
    cast(sum(list_cost_usd) filter (billed_to = 'customer') as decimal(38, 12)) as customer_billed_usd,
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
from calls_by(null, null, $dimension, $dimension_value)
where project = $scope
    and started_at >= $month
    and started_at < cast($month as date) + interval 1 month

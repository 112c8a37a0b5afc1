-- purpose: Calls, failures and spend by the hour, of all calls and of the busiest providers, models and tenants: what anomalies are looked for in.
-- param since time: start of the first hour
-- param until time: up to, not including, this moment
-- param top integer: how many values of each dimension
-- param environment text optional: only this environment; empty text = calls that name none
-- column dimension text: empty = all calls together
-- column value text: of the dimension; empty = the telemetry says none, or all calls
-- column n_calls calls: of the series
-- column hours hours[]: since the first hour: those that have calls, in order; of these hours ...
-- column calls calls[]: model calls, failed ones included
-- column errors calls[]: of these, failed
-- column costs_usd usd[]: sum of the known costs, as we pay them (effective); 0 when none is known
-- A number for each hour would be tens of thousands of rows: as lists they are a row a series. Costs are DOUBLE here: they are judged, never summed.
with of_models as (
    select bucket_at, coalesce(value, '') as provider, coalesce(value_2, '') as model, n_calls, n_errors, cost_usd
    from window_tallies($scope, $since, $until, 60, null, null, $environment, null, null, null, 'provider', 'model')
),

tallies as (
    select
        case when grouping(provider) = 0 then 'provider' when grouping(model) = 0 then 'model' else '' end as dimension,
        coalesce(provider, model, '') as value,
        bucket_at as hour_at,
        sum(n_calls) as n_calls,
        sum(n_errors) as n_errors,
        sum(cost_usd) as cost_usd
    from of_models
    group by grouping sets ((bucket_at), (bucket_at, provider), (bucket_at, model))
    union all
    select 'tenant_id', coalesce(value, ''), bucket_at, n_calls, n_errors, cost_usd
    from window_tallies($scope, $since, $until, 60, null, null, $environment, null, null, null, 'tenant_id', null)
),

hourly as (
    select
        dimension,
        value,
        date_diff('hour', date_trunc('hour', cast($since as timestamp)), hour_at) as hour,
        sum(n_calls) as n_calls,
        sum(n_errors) as n_errors,
        sum(cost_usd) as cost_usd
    from tallies
    -- With about as many values as calls there is no series to judge.
    where dimension not in (select dimension from rolled_dimensions where project = $scope and is_wide)
    group by all
),

series as (
    select
        dimension,
        value,
        cast(sum(n_calls) as bigint) as n_calls,
        list(cast(hour as bigint) order by hour) as hours,
        list(cast(n_calls as bigint) order by hour) as calls,
        list(cast(n_errors as bigint) order by hour) as errors,
        list(coalesce(cast(cost_usd as double), 0) order by hour) as costs_usd
    from hourly
    group by dimension, value
    qualify row_number() over (partition by dimension order by sum(n_calls) desc, value) <= $top
)

select *
from series
order by dimension, n_calls desc, value

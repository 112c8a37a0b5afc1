-- purpose: The points of one metric, oldest first, each with what it adds to its series since the point before.
-- param metric_name text: which metric: 'gen_ai.client.token.usage'
-- param since time optional: from this moment on
-- param until time optional: up to, not including, this moment
-- column occurred_at utc: the time of the point
-- column service_name text: which service sent it
-- column attributes json: which series of the metric
-- column unit text: its unit, as the sender says
-- column kind text: gauge, sum, histogram, exponential_histogram or summary
-- column temporality text: delta or cumulative; NULL for gauges and summaries
-- column value unit: of a gauge or a sum, as sent
-- column count observations: of a histogram or a summary, as sent
-- column sum unit: of a histogram or a summary, as sent
-- column added unit: what came in since the point before; of the first of a cumulative series all that it has; NULL for gauges
with points as (
    select
        *,
        coalesce(value, sum) as total,
        -- A counter that starts again has another start: what it had before is not subtracted.
        lag(coalesce(value, sum)) over (
            partition by series_hash, started_at order by occurred_at
        ) as total_before
    from metric_points
    where project = $scope
        and metric_name = $metric_name
        and not coalesce(no_recorded_value, false)
)
select
    occurred_at,
    service_name,
    attributes,
    unit,
    kind,
    temporality,
    value,
    count,
    sum,
    case
        when kind = 'gauge' then null
        when temporality = 'delta' then total
        else total - coalesce(total_before, 0)
    end as added
from points
where ($since is null or occurred_at >= $since)
    and ($until is null or occurred_at < $until)
order by occurred_at, series_hash

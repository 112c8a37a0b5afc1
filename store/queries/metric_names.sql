-- purpose: Which metrics arrived, of what kind, and when last.
-- param since time optional: from this moment on
-- param until time optional: up to, not including, this moment
-- column metric_name text: which metric
-- column unit text: its unit, as the sender says
-- column kind text: gauge, sum, histogram, exponential_histogram or summary
-- column temporality text: delta or cumulative; NULL for gauges and summaries
-- column service_name text: which service sent it
-- column n_points points: how many
-- column n_series series: of how many distinct attributes
-- column last_at utc: the time of the newest
select
    metric_name,
    unit,
    kind,
    temporality,
    service_name,
    cast(count(*) as bigint) as n_points,
    cast(count(distinct series_hash) as bigint) as n_series,
    max(occurred_at) as last_at
from metric_points
where project = $scope
    and ($since is null or occurred_at >= $since)
    and ($until is null or occurred_at < $until)
group by metric_name, unit, kind, temporality, service_name
order by metric_name, unit, kind, temporality, service_name

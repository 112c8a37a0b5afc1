-- purpose: How many calls each of some hours of one day of one project has; hours without calls too.
with hours as (
    select unnest($hours) as hour_at
),

counted as (
    select date_trunc('hour', started_at) as hour_at, count(*) as n_calls
    from spans
    where project = $project and role = 'call' and day = $day
    group by hour_at
)

select hours.hour_at, cast(coalesce(counted.n_calls, 0) as bigint) as n_calls
from hours
left join counted on counted.hour_at = hours.hour_at
order by hours.hour_at

-- purpose: How many calls of these hours exceptions.sql is about.
select cast(count(*) as bigint)
from spans
where project = $project
    and role = 'call'
    and day = $day
    and date_trunc('hour', started_at) in (select unnest($hours))
    and is_exception(cost_status, cache_hit, cost_estimated, sampling_rate, reported_cost_usd, billed_to, attributed_by, saved_cost_usd)

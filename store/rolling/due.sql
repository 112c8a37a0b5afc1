-- purpose: The days of each project with hours that may be aggregated, before $closed, the newest first.
select project, day, list(hour_at order by hour_at) as hours
from open_hours
where hour_at < $closed
group by project, day
order by day desc, project

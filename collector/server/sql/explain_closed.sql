-- purpose: When the month of a call was closed; no row or NULL when it is open.
-- input: $project, $day.
select case when arg_max(status, (recorded_at, period_key)) = 'closed' then max(recorded_at) end as closed_at
from periods
where project = $project and month = date_trunc('month', cast($day as date)) and recorded_at is not null

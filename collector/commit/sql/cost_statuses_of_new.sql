-- purpose: How many of this commit's new calls have each cost_status.
-- input: `incoming`, `charged`.
select charged.cost_status, count(*)
from charged
join incoming using (project, trace_id, span_id)
group by charged.cost_status

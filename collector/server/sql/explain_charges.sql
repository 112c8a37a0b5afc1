-- purpose: What a call was charged, oldest first; the last one counts.
-- input: $day, $project, $trace_id, $span_id.
select * exclude (project, day, trace_id, span_id)
from charges
where day = $day and project = $project and trace_id = cast($trace_id as uuid) and span_id = $span_id
order by seq

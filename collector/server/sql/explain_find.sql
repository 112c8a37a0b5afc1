-- purpose: The stored bodies of spans with one id, a call before all else, then the newest.
-- input: $project, $span_id; $trace_id, or NULL for every trace.
-- Reads the ids of the whole store: nothing says when a span with this id may have been. 8 bytes a span.
select
    day,
    replace(cast(trace_id as varchar), '-', '') as trace_id
from spans
where project = $project and span_id = $span_id and ($trace_id is null or trace_id = cast($trace_id as uuid))
order by role = 'call' desc, day desc

-- purpose: All that settling reads of some stored spans.
-- input: `found` (day, project, trace_id as text, span_id, started_at); $from and $until bound them.
select stored.*
from settleable as stored
join found
    on found.day = stored.stored_day
    and found.project = stored.project
    and cast(found.trace_id as uuid) = stored.trace_id
    and found.span_id = stored.span_id
where stored.started_at between $from and $until

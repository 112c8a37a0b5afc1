-- purpose: Keep aside the stored rows that other spans change now, with all their columns.
-- input: `moved` (stored_day, project, trace_id, span_id).
create or replace temp table taken_out as
select spans.*
from spans
join moved
    on moved.stored_day = spans.day
    and moved.project = spans.project
    and moved.trace_id = spans.trace_id
    and moved.span_id = spans.span_id

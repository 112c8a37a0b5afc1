-- purpose: Keep aside the stored rows that change, with all their columns.
-- input: `compared`.
create or replace temp table taken_out as
select spans.*
from spans
join compared
    on spans.day = compared.day
    and spans.project = compared.project
    and spans.trace_id = compared.trace_id
    and spans.span_id = compared.span_id
where compared.is_different
    and spans.project = $project
    and spans.day between cast($began_at as date) and cast($ended_at as date)

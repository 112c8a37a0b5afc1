-- purpose: Delete the rows that are put back with other values: an UPDATE beside an open read would stop checkpoints.
-- input: `taken_out`.
delete from spans
using taken_out
where spans.day = taken_out.day
    and spans.project = taken_out.project
    and spans.trace_id = taken_out.trace_id
    and spans.span_id = taken_out.span_id

-- purpose: Delete stored rows whose place others of this commit take.
-- input: `replaced_ids`, with the `stored_day` of each.
delete from spans
using replaced_ids
where spans.day = replaced_ids.stored_day
    and spans.project = replaced_ids.project
    and spans.trace_id = replaced_ids.trace_id
    and spans.span_id = replaced_ids.span_id

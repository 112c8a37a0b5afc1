-- purpose: What was captured of one span's messages, redacted: only of projects that capture is on for.
-- param trace_id text: its trace, 32 hex digits
-- param span_id text: the span, 16 hex digits
-- column occurred_at utc: when
-- column source text: span, event, log or status
-- column key text: the attribute it came in: gen_ai.input.messages, exception.message, …
-- column body text: what was said, redacted
-- column n_redactions count: places that were blanked out
-- column n_cut_characters count: beyond the limit of one body, not stored
select
    occurred_at,
    source,
    key,
    body,
    n_redactions,
    n_cut_characters
from contents
where project = $scope
    and trace_id = try_cast($trace_id as uuid)
    and printf('%016x', span_id) = lower($span_id)
order by occurred_at, source, key

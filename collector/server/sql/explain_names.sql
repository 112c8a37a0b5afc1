-- purpose: What some spans are called, and what they said by themselves where.
-- input: `wanted` (day, project, trace_id as text, span_id).
select
    replace(cast(spans.trace_id as varchar), '-', '') as trace_id,
    spans.span_id,
    spans.span_name,
    spans.service_name,
    spans.scope_name,
    spans.emitter,
    spans.status,
    span_sources.sources
from spans
join wanted
    on spans.day = wanted.day
    and spans.project = wanted.project
    and spans.trace_id = cast(wanted.trace_id as uuid)
    and spans.span_id = wanted.span_id
left join span_sources on span_sources.sources_id = spans.sources_id

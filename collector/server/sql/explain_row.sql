-- purpose: One stored span as it is stored, without what an explanation has no use for.
-- input: $day, $project, $trace_id, $span_id.
select
    spans.* exclude (trace_id, span_id, parent_span_id, duplicate_of, attributes, resource, events, links),
    replace(cast(trace_id as varchar), '-', '') as trace_id,
    printf('%016x', span_id) as span_id,
    span_sources.sources,
    case when parent_span_id is not null then printf('%016x', parent_span_id) end as parent_span_id,
    case when duplicate_of is not null then printf('%016x', duplicate_of) end as duplicate_of
from spans
left join span_sources on span_sources.sources_id = spans.sources_id
where day = $day and project = $project and trace_id = cast($trace_id as uuid) and span_id = $span_id

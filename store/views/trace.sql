-- Every span of one trace, by its hex id, oldest first. Compares the stored UUID, so it prunes; the same
-- filter on the hex text of `calls` would have to format every row.
create or replace macro trace(id) as table
select
    project,
    replace(cast(trace_id as varchar), '-', '') as trace_id,
    printf('%016x', span_id) as span_id,
    case when parent_span_id is not null then printf('%016x', parent_span_id) end as parent_span_id,
    role,
    span_name,
    span_kind,
    service_name,
    started_at,
    duration_ns,
    status,
    attributes,
    resource,
    events
from spans
where trace_id = cast(id as uuid)
order by started_at, span_id;

-- purpose: Which spans of some traces are stored.
-- input: `wanted` (project, trace_id); $from and $until bound them, so that zone maps skip the rest.
select stored.day, stored.project, cast(stored.trace_id as varchar) as trace_id, stored.span_id, stored.started_at
from spans as stored
where stored.started_at between $from and $until
    and exists (select 1 from wanted where wanted.trace_id = stored.trace_id and wanted.project = stored.project)

-- purpose: Which calls with some response ids are stored.
-- input: `wanted` (project, response_id); $from and $until bound them.
select stored.day, stored.project, cast(stored.trace_id as varchar) as trace_id, stored.span_id, stored.started_at
from spans as stored
where stored.started_at between $from and $until
    and stored.role in ('call', 'duplicate', 'carrier')
    and exists (select 1 from wanted where wanted.response_id = stored.response_id and wanted.project = stored.project)

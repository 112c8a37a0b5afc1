-- purpose: Which of the stored calls of some services are such that time alone may bring together with another: an SDK's own span,
-- the carrier of a stream's usage, or a call that says no response id itself (what others say of it is noted in as_sent).
-- input: `wanted` (project, service_name); $from and $until bound them; $natives, the families of SDKs.
select stored.day, stored.project, cast(stored.trace_id as varchar) as trace_id, stored.span_id, stored.started_at
from spans as stored
where stored.started_at between $from and $until
    and stored.role in ('call', 'duplicate', 'carrier')
    and (stored.response_id is null or stored.as_sent is not null or list_contains($natives, stored.emitter))
    and exists (
        select 1
        from wanted
        where wanted.project = stored.project and coalesce(wanted.service_name, '') = coalesce(stored.service_name, '')
    )

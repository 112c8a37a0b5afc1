-- purpose: The newest log records, newest first: what happened beside the calls.
-- param limit integer: how many rows
-- param since time optional: from this moment on
-- param until time optional: up to, not including, this moment
-- param event text optional: only events whose name starts so: 'claude_code.', 'gen_ai.client.operation.exception'
-- param session_id text optional: only this session
-- param trace_id text optional: only this trace, as hex
-- column occurred_at utc: when it happened, else when it was observed, else when it arrived
-- column event_name text: which event; NULL for a plain log line
-- column severity text: INFO, ERROR, … as the sender says
-- column service_name text: which service sent it
-- column scope_name text: which library or agent wrote it
-- column tenant_id text: whom it was for
-- column user_id text: who did it
-- column session_id text: the session
-- column trace_id hex: the trace it belongs to
-- column span_id hex: the span it belongs to
-- column attributes json: what it says, without what people or models wrote
select
    occurred_at,
    event_name,
    severity,
    service_name,
    scope_name,
    tenant_id,
    user_id,
    session_id,
    replace(cast(trace_id as varchar), '-', '') as trace_id,
    case when span_id is not null then printf('%016x', span_id) end as span_id,
    attributes
from log_records
where project = $scope
    and ($since is null or occurred_at >= $since)
    and ($until is null or occurred_at < $until)
    and ($event is null or starts_with(event_name, $event))
    and ($session_id is null or session_id = $session_id)
    and ($trace_id is null or trace_id = try_cast($trace_id as uuid))
order by occurred_at desc, record_hash
limit $limit

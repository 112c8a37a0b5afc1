-- purpose: One row per log record of this commit, with its identity.
-- input: `incoming_signal`, decoded log records (collector/decode/logs.py).
-- output: `fresh_signal`. A log record has no id: its identity is what its sender wrote, byte by byte, and where it
-- comes from. The time it was received is not part of it, so a record that is sent again is the same record.
create or replace temp table fresh_signal as
with identified as (
    select
        cast(occurred_at as date) as day,
        project,
        md5_number_lower(record || origin) as record_hash,
        occurred_at,
        received_at,
        batch_id,
        trace_id,
        span_id,
        event_name,
        severity,
        scope_name,
        scope_version,
        service_name,
        environment,
        tenant_id,
        user_id,
        session_id,
        attributes,
        resource
    from incoming_signal
)
select *
from identified
qualify row_number() over (partition by project, record_hash order by received_at, batch_id) = 1

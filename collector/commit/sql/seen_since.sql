-- purpose: The ids of what was stored lately.
select
    from_hex(replace(cast(trace_id as varchar), '-', '')) as trace_bytes,
    project,
    started_at,
    case when role in ('call', 'duplicate', 'carrier') then response_id end as response_id
from spans
where started_at >= $since

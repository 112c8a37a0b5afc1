-- purpose: One stored call in the shape that attribution and pricing read, without what they are to find anew.
-- input: $day, $project, $trace_id, $span_id.
select
    * exclude (
        attributes, resource, events, links, as_sent, trace_id, attributed_tenant_id, attributed_by, cost_status, cost_estimated,
        list_cost_usd, effective_cost_usd, saved_cost_usd, rate_card, agreement, billed_to
    ),
    cast(1 as bigint) as row,
    status = 'error' as failed,
    -- The way out to Arrow makes text of a UUID.
    from_hex(replace(cast(trace_id as varchar), '-', '')) as trace_id
from spans
where day = $day and project = $project and trace_id = cast($trace_id as uuid) and span_id = $span_id

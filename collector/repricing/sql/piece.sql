-- purpose: The calls of one piece, with all that attribution and pricing read, and what they are charged now.
-- Without documents: they are most of a row, and nothing here needs them.
select
    * exclude (
        attributes, resource, events, links, as_sent, trace_id, attributed_tenant_id, attributed_by, cost_status, cost_estimated,
        list_cost_usd, effective_cost_usd, saved_cost_usd, rate_card, agreement, billed_to
    ),
    cast(row_number() over (order by started_at) as bigint) as row,
    status = 'error' as failed,
    -- The way out to Arrow makes text of a UUID.
    from_hex(replace(cast(trace_id as varchar), '-', '')) as trace_id,
    attributed_tenant_id as was_attributed_tenant_id,
    attributed_by as was_attributed_by,
    cost_status as was_cost_status,
    cost_estimated as was_cost_estimated,
    list_cost_usd as was_list_cost_usd,
    effective_cost_usd as was_effective_cost_usd,
    saved_cost_usd as was_saved_cost_usd,
    rate_card as was_rate_card,
    agreement as was_agreement,
    billed_to as was_billed_to
from calls_in_scope($project, $began_at, $ended_at, $known_at, $provider, $model, $model_prefix, $tenant, $statuses)
where day between cast($began_at as date) and cast($ended_at as date)

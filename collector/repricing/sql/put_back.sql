-- purpose: Store the changed calls again, each with its new official charge and whom it is for now.
-- input: `taken_out`, `compared`, `charged`.
insert into spans by name
select
    taken_out.* replace (
        compared.attributed_tenant_id as attributed_tenant_id,
        compared.attributed_by as attributed_by,
        charged.cost_status as cost_status,
        charged.cost_estimated as cost_estimated,
        charged.list_cost_usd as list_cost_usd,
        charged.effective_cost_usd as effective_cost_usd,
        charged.saved_cost_usd as saved_cost_usd,
        charged.rate_card as rate_card,
        charged.agreement as agreement,
        charged.billed_to as billed_to
    )
from taken_out
join compared
    on compared.project = taken_out.project
    and compared.trace_id = taken_out.trace_id
    and compared.span_id = taken_out.span_id
join charged
    on charged.project = taken_out.project
    and charged.trace_id = taken_out.trace_id
    and charged.span_id = taken_out.span_id
order by compared.row

-- purpose: Book the differences of calls in closed months.
-- input: `deltas`, `compared`.
insert into corrections by name
select
    compared.project,
    $pricing_run as pricing_run,
    compared.day,
    compared.booked_month,
    compared.trace_id,
    compared.span_id,
    deltas.tenant_id,
    compared.provider,
    compared.model,
    compared.cost_status,
    compared.rate_card,
    deltas.list_usd as list_delta_usd,
    deltas.effective_usd as effective_delta_usd,
    $now as recorded_at
from deltas
join compared using (row)
order by deltas.row

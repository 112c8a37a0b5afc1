-- purpose: What earlier repricings booked for the calls of this piece, as differences to a closed month.
-- input: `compared`.
create or replace temp table booked as
select
    compared.row,
    corrections.tenant_id,
    cast(sum(corrections.list_delta_usd) as decimal(18, 12)) as list_usd,
    cast(sum(corrections.effective_delta_usd) as decimal(18, 12)) as effective_usd
from corrections
join compared
    on corrections.day = compared.day
    and corrections.project = compared.project
    and corrections.trace_id = compared.trace_id
    and corrections.span_id = compared.span_id
where corrections.project = $project
group by compared.row, corrections.tenant_id

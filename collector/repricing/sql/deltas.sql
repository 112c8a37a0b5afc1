-- purpose: What is to be booked now, by call and tenant: so that what a closed month says of a call, and all that was booked for it,
-- come to what it costs by now. A call that moved to another tenant gives one row with what its old tenant gets back.
-- A month that is open again has the right charge on the call itself: what was booked for it is taken back.
-- Where the cost is not known by now, the difference is not either, and nothing is booked.
-- input: `compared`, `booked`.
create or replace temp table deltas as
with in_question as (
    select * from compared where not is_closed or list_after_usd is not null
),
parts as (
    select row, tenant_after as tenant_id, list_after_usd as list_usd, effective_after_usd as effective_usd
    from in_question
    where is_closed
    union all
    select row, tenant_before, -list_before_usd, -effective_before_usd
    from in_question
    where is_closed and list_before_usd is not null
    union all
    select booked.row, booked.tenant_id, -booked.list_usd, -booked.effective_usd
    from booked
    join in_question using (row)
)
select
    row,
    tenant_id,
    cast(sum(list_usd) as decimal(18, 12)) as list_usd,
    cast(sum(effective_usd) as decimal(18, 12)) as effective_usd
from parts
group by row, tenant_id
having sum(list_usd) <> 0 or sum(effective_usd) <> 0

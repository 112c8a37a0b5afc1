-- purpose: What a piece would change, by tenant and model: all its calls before and after, with what is or would be booked for them.
-- input: `compared`, `booked`, `deltas`, `differences` to add to.
insert into differences by name
with touched as (
    select distinct row from deltas
),
looked_at as (
    select
        compared.*,
        touched.row is not null as is_corrected,
        compared.is_different or touched.row is not null as is_changed
    from compared
    left join touched using (row)
),
-- A call of a closed month stays as it is; whom and what it counts for moves by what is booked.
parts as (
    select
        tenant_before as tenant_id, provider, model, is_closed,
        1 as n_calls_before, cast(list_before_usd is not null as integer) as n_priced_before,
        list_before_usd, effective_before_usd,
        0 as n_calls_after, 0 as n_priced_after, null as list_after_usd, null as effective_after_usd, 0 as n_changed
    from looked_at
    union all by name
    select
        case when is_closed and not is_corrected then tenant_before else tenant_after end as tenant_id, provider, model, is_closed,
        1 as n_calls_after,
        cast(case when is_closed then coalesce(list_before_usd, case when is_corrected then list_after_usd end) else list_after_usd end
            is not null as integer) as n_priced_after,
        case when not is_closed then list_after_usd end as list_after_usd,
        case when not is_closed then effective_after_usd end as effective_after_usd,
        cast(is_changed as integer) as n_changed
    from looked_at
    union all by name
    select tenant_before as tenant_id, provider, model, is_closed, list_before_usd as list_after_usd, effective_before_usd as effective_after_usd
    from looked_at
    where is_closed
    union all by name
    select
        booked.tenant_id, provider, model, is_closed,
        booked.list_usd as list_before_usd, booked.effective_usd as effective_before_usd,
        booked.list_usd as list_after_usd, booked.effective_usd as effective_after_usd
    from booked
    join looked_at using (row)
    union all by name
    select deltas.tenant_id, provider, model, is_closed, deltas.list_usd as list_after_usd, deltas.effective_usd as effective_after_usd
    from deltas
    join looked_at using (row)
)
select
    tenant_id,
    provider,
    model,
    is_closed,
    cast(coalesce(sum(n_calls_before), 0) as bigint) as n_calls_before,
    cast(coalesce(sum(n_calls_after), 0) as bigint) as n_calls_after,
    cast(coalesce(sum(n_priced_before), 0) as bigint) as n_priced_before,
    cast(coalesce(sum(n_priced_after), 0) as bigint) as n_priced_after,
    cast(coalesce(sum(n_changed), 0) as bigint) as n_changed,
    cast(sum(list_before_usd) as decimal(38, 12)) as list_before_usd,
    cast(sum(list_after_usd) as decimal(38, 12)) as list_after_usd,
    cast(sum(effective_before_usd) as decimal(38, 12)) as effective_before_usd,
    cast(sum(effective_after_usd) as decimal(38, 12)) as effective_after_usd
from parts
group by tenant_id, provider, model, is_closed

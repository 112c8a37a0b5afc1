-- purpose: What a repricing would change, by tenant and model, the largest difference first.
-- input: `differences`, a row for each piece.
select
    tenant_id,
    provider,
    model,
    is_closed,
    cast(sum(n_calls_before) as bigint) as n_calls_before,
    cast(sum(n_calls_after) as bigint) as n_calls_after,
    cast(sum(n_priced_before) as bigint) as n_priced_before,
    cast(sum(n_priced_after) as bigint) as n_priced_after,
    cast(sum(n_changed) as bigint) as n_changed,
    cast(sum(list_before_usd) as decimal(38, 12)) as list_before_usd,
    cast(sum(list_after_usd) as decimal(38, 12)) as list_after_usd,
    cast(sum(effective_before_usd) as decimal(38, 12)) as effective_before_usd,
    cast(sum(effective_after_usd) as decimal(38, 12)) as effective_after_usd
from differences
group by tenant_id, provider, model, is_closed
having sum(n_changed) > 0
    or sum(n_calls_before) <> sum(n_calls_after)
    or sum(list_before_usd) is distinct from sum(list_after_usd)
    or sum(effective_before_usd) is distinct from sum(effective_after_usd)
order by
    abs(coalesce(sum(effective_after_usd), 0) - coalesce(sum(effective_before_usd), 0)) desc,
    tenant_id nulls last, provider, model, is_closed

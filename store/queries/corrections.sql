-- purpose: Differences to closed months that repricings booked in open ones, by tenant and model.
-- param booked_month date optional: only those that this month carries (its first day)
-- param call_month date optional: only those of calls in this month (its first day)
-- param pricing_run text optional: only those of this repricing
-- column booked_month date: the month that carries them
-- column call_month date: the closed month that the calls were in
-- column pricing_run text: the repricing that found them
-- column tenant_id text: whom the calls are for; NULL = nobody that is known
-- column provider text: who sold them
-- column model text: the model that answered, else the one asked for
-- column n_calls calls: with a difference
-- column list_delta_usd usd: to add to their cost at list prices; may be negative
-- column effective_delta_usd usd: to add to what we pay for them; may be negative
-- column recorded_at utc: when the last of them was booked
select
    booked_month,
    cast(date_trunc('month', day) as date) as call_month,
    pricing_run,
    tenant_id,
    provider,
    model,
    cast(count(*) as bigint) as n_calls,
    cast(sum(list_delta_usd) as decimal(38, 12)) as list_delta_usd,
    cast(sum(effective_delta_usd) as decimal(38, 12)) as effective_delta_usd,
    max(recorded_at) as recorded_at
from corrections
where project = $scope
    and ($booked_month is null or booked_month = $booked_month)
    and ($call_month is null or date_trunc('month', day) = cast($call_month as date))
    and ($pricing_run is null or pricing_run = $pricing_run)
group by all
order by booked_month desc, call_month desc, recorded_at desc, tenant_id nulls last, provider, model

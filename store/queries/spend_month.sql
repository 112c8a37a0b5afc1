-- purpose: What each tenant cost in one UTC month, with what could not be priced beside it.
-- param month date: first day of the month
-- column tenant_id text: whom the calls were for; NULL = no tenant in the telemetry
-- column n_calls calls: model calls, failed ones included
-- column n_errors calls: of these, failed
-- column n_priced calls: of these, with a known cost (priced, free or a cache hit)
-- column n_unpriced calls: of these, with usage that no price was found for
-- column n_no_usage calls: of these, without any usage to price
-- column input_tokens tokens: known input, cached and written included
-- column cached_input_tokens tokens: of the input, read from the provider's cache
-- column output_tokens tokens: known output, reasoning included
-- column cost_usd usd: sum of the known costs; NULL when none is known
-- column saved_usd usd: what cache hits would have cost
-- column unpriced_models text: the models that no price was found for
select
    tenant_id,
    cast(count(*) as bigint) as n_calls,
    cast(count(*) filter (status = 'error') as bigint) as n_errors,
    cast(count(list_cost_usd) as bigint) as n_priced,
    cast(count(*) filter (cost_status in ('unpriced_model', 'unpriced_unit', 'conflict')) as bigint) as n_unpriced,
    cast(count(*) filter (cost_status = 'no_usage') as bigint) as n_no_usage,
    cast(sum(input_tokens) as bigint) as input_tokens,
    cast(sum(cached_input_tokens) as bigint) as cached_input_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    cast(sum(list_cost_usd) as decimal(38, 12)) as cost_usd,
    cast(sum(saved_cost_usd) as decimal(38, 12)) as saved_usd,
    string_agg(distinct coalesce(model_answered, model_requested), ', ' order by coalesce(model_answered, model_requested))
        filter (cost_status in ('unpriced_model', 'unpriced_unit', 'conflict')) as unpriced_models
from calls
where project = $scope
    and started_at >= $month
    and started_at < cast($month as date) + interval 1 month
group by tenant_id
order by cost_usd desc nulls last, tenant_id nulls last

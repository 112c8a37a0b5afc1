-- purpose: The services whose calls leave something unknown or in doubt, and how many of them; most first.
-- param since time: of calls from this moment on
-- param until time: up to, not including, this moment
-- column service_name text: the service, as its telemetry names itself
-- column emitters text: the instrumentations that those calls came from
-- column n_unpriced calls: with usage that no price was found for
-- column n_no_usage calls: that succeeded and reported no usage, so nobody knows their cost
-- column n_sampled calls: standing for others that were not sent (sampling rate below 1)
-- column lowest_rate share: the least share of its calls that is sent
-- column highest_rate share: the greatest, of those below 1
-- column n_ambiguous calls: that may tell of the same call as another: nothing but time could say
-- column n_cut calls: whose sender dropped attributes over its own limit, so that counts may be missing
-- Only those calls are counted, not all of a service, which would take three times as long.
with troubled as (
    select
        service_name,
        emitter,
        sampling_rate,
        coalesce(cost_status in ('unpriced_model', 'unpriced_unit', 'conflict'), false) as is_unpriced,
        -- A call that failed has none by nature.
        coalesce(cost_status = 'no_usage' and status = 'ok', false) as has_no_usage,
        coalesce(sampling_rate < 1, false) as is_sampled,
        coalesce(doubt = 'ambiguous_duplicate', false) as is_ambiguous,
        coalesce(dropped_attributes_count > 0, false) as is_cut
    from spans
    where project = $scope
        and role = 'call'
        and started_at >= $since
        and started_at < $until
        and (
            cost_status in ('unpriced_model', 'unpriced_unit', 'conflict')
            or (cost_status = 'no_usage' and status = 'ok')
            or sampling_rate < 1
            or doubt = 'ambiguous_duplicate'
            or dropped_attributes_count > 0
        )
)

select
    service_name,
    string_agg(distinct emitter, ', ' order by emitter) as emitters,
    cast(count(*) filter (is_unpriced) as bigint) as n_unpriced,
    cast(count(*) filter (has_no_usage) as bigint) as n_no_usage,
    cast(count(*) filter (is_sampled) as bigint) as n_sampled,
    min(sampling_rate) filter (is_sampled) as lowest_rate,
    max(sampling_rate) filter (is_sampled) as highest_rate,
    cast(count(*) filter (is_ambiguous) as bigint) as n_ambiguous,
    cast(count(*) filter (is_cut) as bigint) as n_cut
from troubled
group by service_name
order by count(*) desc, service_name

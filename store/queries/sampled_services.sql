-- purpose: The services that send only a part of their calls, so that every sum over them is an estimate; most such calls first.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- column service_name text: the service, as its telemetry names itself
-- column n_calls calls: model calls that arrived
-- column n_sampled calls: of these, standing for others that were not sent (sampling rate below 1)
-- column lowest_rate share: the least share of its calls that is sent
-- column highest_rate share: the greatest, of those below 1
-- column estimated_calls calls: an estimate of how many were made: each weighted by 1 / its sampling rate
select
    service_name,
    cast(count(*) as bigint) as n_calls,
    cast(count(*) filter (sampling_rate < 1) as bigint) as n_sampled,
    min(sampling_rate) filter (sampling_rate < 1) as lowest_rate,
    max(sampling_rate) filter (sampling_rate < 1) as highest_rate,
    cast(count(*) + coalesce(round(sum(unsent_calls(sampling_rate))), 0) as bigint) as estimated_calls
from calls
where project = $scope
    and started_at >= $since
    and started_at < $until
group by service_name
having count(*) filter (sampling_rate < 1) > 0
order by n_sampled desc, service_name

-- purpose: Calls that may be counted twice or that lost attributes on their way, by service; most first.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- column service_name text: the service, as its telemetry names itself
-- column emitter text: the instrumentation
-- column n_calls calls: model calls that arrived
-- column n_ambiguous calls: of these, that may tell of the same call as another: nothing but time could say
-- column n_cut calls: of these, whose sender dropped attributes over its own limit, so that counts may be missing
select
    service_name,
    emitter,
    cast(count(*) as bigint) as n_calls,
    cast(count(*) filter (doubt = 'ambiguous_duplicate') as bigint) as n_ambiguous,
    cast(count(*) filter (dropped_attributes_count > 0) as bigint) as n_cut
from spans
where project = $scope
    and role = 'call'
    and started_at >= $since
    and started_at < $until
group by service_name, emitter
having count(*) filter (doubt is not null or dropped_attributes_count > 0) > 0
order by n_ambiguous desc, n_cut desc, service_name, emitter

-- purpose: Which services send spans, and whether they still do; the newest first.
-- param since time: what counts as recent
-- column service_name text: the service, as its telemetry names itself
-- column emitters text: the instrumentations that its calls came from
-- column last_received_at utc: when its newest span arrived
-- column n_spans spans: of all time
-- column n_calls calls: of all time
-- column n_spans_recent spans: that arrived at or after `since`
-- column n_calls_recent calls: that arrived at or after `since`
select
    service_name,
    string_agg(distinct emitter, ', ' order by emitter) as emitters,
    max(received_at) as last_received_at,
    cast(count(*) as bigint) as n_spans,
    cast(count(*) filter (role = 'call') as bigint) as n_calls,
    cast(count(*) filter (received_at >= $since) as bigint) as n_spans_recent,
    cast(count(*) filter (received_at >= $since and role = 'call') as bigint) as n_calls_recent
from spans
where project = $scope
group by service_name
order by last_received_at desc nulls last, service_name

-- purpose: Which services send spans, and whether they still do; the newest first.
-- param since time: what counts as recent
-- column service_name text: the service, as its telemetry names itself
-- column emitters text: the instrumentations that its calls came from
-- column last_received_at utc: when its newest span arrived
-- column n_spans spans: of all time
-- column n_calls calls: of all time
-- column n_spans_recent spans: that arrived at or after `since`
-- column n_calls_recent calls: that arrived at or after `since`
-- Emitters first: a distinct list in one step took 175 ms of 10M spans, the groups of both take 105 ms.
with by_emitter as (
    select
        service_name,
        emitter,
        max(received_at) as last_received_at,
        count(*) as n_spans,
        count(*) filter (role = 'call') as n_calls,
        count(*) filter (received_at >= $since) as n_spans_recent,
        count(*) filter (received_at >= $since and role = 'call') as n_calls_recent
    from spans
    where project = $scope
    group by service_name, emitter
)

select
    service_name,
    string_agg(emitter, ', ' order by emitter) as emitters,
    max(last_received_at) as last_received_at,
    cast(sum(n_spans) as bigint) as n_spans,
    cast(sum(n_calls) as bigint) as n_calls,
    cast(sum(n_spans_recent) as bigint) as n_spans_recent,
    cast(sum(n_calls_recent) as bigint) as n_calls_recent
from by_emitter
group by service_name
order by last_received_at desc nulls last, service_name

-- purpose: Calls whose counts contradict each other, so that no cost is known, by model and emitter; most first.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- column provider text: who sold it
-- column model text: the model that answered, else the one asked for
-- column emitter text: the instrumentation
-- column service_name text: the service, as its telemetry names itself
-- column usage_semantics text: how its counts were read: inclusive or exclusive of cached tokens
-- column usage_confidence text: how that is known: rule, arithmetic or convention
-- column n_calls calls: whose counts contradict each other
-- column tokens tokens: input and output that they claim
-- column last_started_at utc: the newest of them
-- column span_id hex: of the newest, for `explain`
-- column trace_id hex: its trace
select
    provider,
    coalesce(model_answered, model_requested) as model,
    emitter,
    service_name,
    usage_semantics,
    usage_confidence,
    cast(count(*) as bigint) as n_calls,
    cast(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) as bigint) as tokens,
    max(started_at) as last_started_at,
    arg_max(span_id, started_at) as span_id,
    arg_max(trace_id, started_at) as trace_id
from calls
where project = $scope
    and started_at >= $since
    and started_at < $until
    and cost_status = 'conflict'
group by all
order by n_calls desc, provider, model, emitter, service_name

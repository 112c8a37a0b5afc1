-- purpose: The models with usage that no price was found for, most calls first.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column provider text: who sold it
-- column model text: the model that answered, else the one asked for
-- column cost_status text: unpriced_model, unpriced_unit or conflict
-- column n_calls calls: without a cost
-- column tokens tokens: input and output of those
-- column last_started_at utc: the newest of them
select
    provider,
    coalesce(model_answered, model_requested) as model,
    cost_status,
    cast(count(*) as bigint) as n_calls,
    cast(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) as bigint) as tokens,
    max(started_at) as last_started_at
from calls_by(null, null, $dimension, $dimension_value)
where project = $scope
    and started_at >= $since
    and started_at < $until
    and cost_status in ('unpriced_model', 'unpriced_unit', 'conflict')
group by all
order by n_calls desc, provider, model, cost_status

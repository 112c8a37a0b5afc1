-- purpose: What calls can be grouped and filtered by, and how many values each has: built in first, then your own by name.
-- param since time optional: of calls from this moment on
-- param until time optional: up to, not including, this moment
-- column dimension text: its name, for `by`, `then_by` and `dimension` of other queries
-- column kind text: built_in, or custom (the setting `dimensions`), which are listed once a call has a value
-- column n_calls calls: that have a value
-- column n_values count: different values
-- Not materialized, which halves the time: each of the two readers below needs other columns.
with chosen as not materialized (
    select *
    from calls
    where project = $scope
        and ($since is null or started_at >= $since)
        and ($until is null or started_at < $until)
),

built_in as (
    select unnest([
        {'dimension': 'tenant_id', 'n_calls': count(tenant_id), 'n_values': count(distinct tenant_id)},
        {'dimension': 'user_id', 'n_calls': count(user_id), 'n_values': count(distinct user_id)},
        {'dimension': 'session_id', 'n_calls': count(session_id), 'n_values': count(distinct session_id)},
        {'dimension': 'feature', 'n_calls': count(feature), 'n_values': count(distinct feature)},
        {'dimension': 'environment', 'n_calls': count(environment), 'n_values': count(distinct environment)},
        {'dimension': 'model', 'n_calls': count(coalesce(model_answered, model_requested)), 'n_values': count(distinct coalesce(model_answered, model_requested))},
        {'dimension': 'provider', 'n_calls': count(provider), 'n_values': count(distinct provider)},
        {'dimension': 'service_name', 'n_calls': count(service_name), 'n_values': count(distinct service_name)},
        {'dimension': 'prompt_name', 'n_calls': count(prompt_name), 'n_values': count(distinct prompt_name)},
        {'dimension': 'agent_name', 'n_calls': count(agent_name), 'n_values': count(distinct agent_name)},
        {'dimension': 'emitter', 'n_calls': count(emitter), 'n_values': count(distinct emitter)}
    ]) as found
    from chosen
),

pairs as (
    select unnest(map_entries(dims)) as pair
    from chosen
),

custom as (
    select pair.key as dimension, count(*) as n_calls, count(distinct pair.value) as n_values
    from pairs
    group by pair.key
)

select
    found.dimension as dimension,
    'built_in' as kind,
    cast(found.n_calls as bigint) as n_calls,
    cast(found.n_values as bigint) as n_values
from built_in
union all
select dimension, 'custom', cast(n_calls as bigint), cast(n_values as bigint)
from custom
order by kind, dimension

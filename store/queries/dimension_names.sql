-- purpose: The names of what calls can be grouped and filtered by: as `dimensions`, in half the time without counting values.
-- param since time optional: of calls from this moment on
-- param until time optional: up to, not including, this moment
-- column dimension text: its name, for `by`, `then_by` and `dimension` of other queries
-- column kind text: built_in, or custom (the setting `dimensions`), which are listed once a call has a value
-- column n_calls calls: that have a value
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
        {'dimension': 'tenant_id', 'n_calls': count(tenant_id)},
        {'dimension': 'user_id', 'n_calls': count(user_id)},
        {'dimension': 'session_id', 'n_calls': count(session_id)},
        {'dimension': 'feature', 'n_calls': count(feature)},
        {'dimension': 'environment', 'n_calls': count(environment)},
        {'dimension': 'model', 'n_calls': count(coalesce(model_answered, model_requested))},
        {'dimension': 'provider', 'n_calls': count(provider)},
        {'dimension': 'service_name', 'n_calls': count(service_name)},
        {'dimension': 'prompt_name', 'n_calls': count(prompt_name)},
        {'dimension': 'agent_name', 'n_calls': count(agent_name)},
        {'dimension': 'emitter', 'n_calls': count(emitter)}
    ]) as found
    from chosen
),

keys as (
    select unnest(map_keys(dims)) as key
    from chosen
)

select
    found.dimension as dimension,
    'built_in' as kind,
    cast(found.n_calls as bigint) as n_calls
from built_in
union all
select key, 'custom', cast(count(*) as bigint)
from keys
group by key
order by kind, dimension

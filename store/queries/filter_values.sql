-- purpose: The tenants and models there are to filter by, and the values of one more dimension, of all time, most calls first.
-- param limit integer: how many of each
-- param tenant_id text optional: a tenant that is listed whatever its rank, if it exists
-- param model text optional: a model that is listed whatever its rank, if it exists
-- param dimension text optional: a further dimension whose values are listed: a name that the query `dimensions` lists
-- param dimension_value text optional: a value of it that is listed whatever its rank, if it exists
-- column dimension text: tenant_id, model, or the further dimension
-- column value text: what to filter by; empty = calls that have none
-- column n_calls calls: of all time
with of_all as (
    select coalesce(value, '') as tenant_id, coalesce(value_2, '') as model, n_calls
    from window_tallies($scope, null, null, null, null, null, null, null, null, null, 'tenant_id', 'model')
),

tallied as (
    select
        case when grouping(tenant_id) = 0 then 'tenant_id' else 'model' end as dimension,
        coalesce(tenant_id, model) as value,
        sum(n_calls) as n_calls
    from of_all
    group by grouping sets ((tenant_id), (model))
    union all
    select $dimension, coalesce(value, ''), sum(n_calls)
    from window_tallies($scope, null, null, null, null, null, null, null, null, null, $dimension, null)
    where $dimension is not null
        and $dimension not in ('tenant_id', 'model')
    group by coalesce(value, '')
),

ranked as (
    select *, row_number() over (partition by dimension order by n_calls desc, value) as position
    from tallied
)

select
    dimension,
    value,
    cast(n_calls as bigint) as n_calls
from ranked
where position <= $limit
    or (dimension = 'tenant_id' and value = $tenant_id)
    or (dimension = 'model' and value = $model)
    or (dimension = $dimension and value = $dimension_value)
order by dimension, position

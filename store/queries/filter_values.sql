-- purpose: The tenants and models there are to filter by, and the values of one more dimension, of all time, most calls first.
-- param limit integer: how many of each
-- param tenant_id text optional: a tenant that is listed whatever its rank, if it exists
-- param model text optional: a model that is listed whatever its rank, if it exists
-- param dimension text optional: a further dimension whose values are listed: a name that the query `dimensions` lists
-- param dimension_value text optional: a value of it that is listed whatever its rank, if it exists
-- column dimension text: tenant_id, model, or the further dimension
-- column value text: what to filter by; empty = calls that have none
-- column n_calls calls: of all time
with tallied as (
    select 'tenant_id' as dimension, coalesce(tenant_id, '') as value, count(*) as n_calls
    from calls
    where project = $scope
    group by all
    union all
    select 'model', coalesce(model_answered, model_requested, ''), count(*)
    from calls
    where project = $scope
    group by all
    union all
    select $dimension, coalesce(value, ''), count(*)
    from calls_by($dimension, null, null, null)
    where project = $scope
        and $dimension is not null
        and $dimension not in ('tenant_id', 'model')
    group by all
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

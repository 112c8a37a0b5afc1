-- purpose: The attribution rules, the last recorded first, with the calls that each decides about.
-- param tenant_id text optional: only rules that give calls to this tenant
-- column rule_id text: for `withdraw`, and in `attributed_by` of calls
-- column tenant_id text: whom the calls are for
-- column dimension text: where this dimension ...
-- column dimension_value text: ... has this value; empty = calls that have none
-- column valid_from time: of calls that started from here on; NULL = from the beginning
-- column valid_to time: up to, not including, here; NULL = open
-- column status text: in_force or withdrawn
-- column n_calls calls: stored ones that it decides about now
-- column cost_usd usd: what they cost, as we pay it (effective); NULL when none is known
-- column note text: why
-- column received_at time: when it was recorded
-- column recorded_by text: by whom
-- column withdrawn_at time: when it was withdrawn
-- column withdrawn_by text: by whom
with withdrawn as (
    select withdraws as rule_id, min(received_at) as withdrawn_at, arg_min(recorded_by, received_at) as withdrawn_by
    from attribution_rules
    where project = $scope and withdraws is not null
    group by withdraws
),

decided as (
    select attributed_by as rule_id, count(*) as n_calls, sum(effective_cost_usd) as cost_usd
    from calls
    where project = $scope and attributed_by is not null
    group by attributed_by
)

select
    rule_id,
    tenant_id,
    dimension,
    coalesce(dimension_value, '') as dimension_value,
    valid_from,
    valid_to,
    case when withdrawn_at is null then 'in_force' else 'withdrawn' end as status,
    cast(coalesce(n_calls, 0) as bigint) as n_calls,
    cast(cost_usd as decimal(38, 12)) as cost_usd,
    note,
    received_at,
    recorded_by,
    withdrawn_at,
    withdrawn_by
from attribution_rules
left join withdrawn using (rule_id)
left join decided using (rule_id)
where project = $scope
    and withdraws is null
    and ($tenant_id is null or tenant_id = $tenant_id)
order by received_at desc, rule_id desc

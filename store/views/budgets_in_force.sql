-- The budgets of a project that hold in a UTC month (its first day), one row each. `dimension` NULL = the whole project.
create or replace macro budgets_in_force(of_project, in_month) as table
with newest as (
    select *
    from budgets
    where project = of_project
        and valid_from <= in_month
    qualify row_number() over (
        partition by coalesce(dimension, ''), coalesce(dimension_value, '')
        order by valid_from desc, received_at desc, budget_key desc
    ) = 1
)

select
    budget_key,
    dimension,
    coalesce(dimension_value, '') as dimension_value,
    valid_from,
    monthly_usd,
    soft_share,
    hard_share,
    note,
    received_at,
    recorded_by
from newest
where status = 'set';

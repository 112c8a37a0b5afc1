-- purpose: The budgets that hold in one UTC month; what was spent of them is in `budget_days`.
-- param month date: first day of the month
-- column budget_key text: the record that says so
-- column dimension text: whose budget: of a value of this dimension; NULL = of the whole project
-- column dimension_value text: which value; empty = calls that have none, or the whole project
-- column valid_from date: first day of the first month that the record holds for
-- column monthly_usd usd: what a month may cost, as we pay it (effective)
-- column soft_share share: of that: spent so much, it is worth a look
-- column hard_share share: of that: spent so much, the budget is exceeded
-- column note text: why
-- column received_at time: when it was recorded
-- column recorded_by text: by whom
select
    budget_key,
    dimension,
    dimension_value,
    valid_from,
    cast(monthly_usd as decimal(38, 12)) as monthly_usd,
    soft_share,
    hard_share,
    note,
    received_at,
    recorded_by
from budgets_in_force($scope, cast($month as date))
order by dimension is not null, dimension, monthly_usd desc, dimension_value

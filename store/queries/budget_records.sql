-- purpose: Everything that was ever recorded about budgets, the last first.
-- column budget_key text: the record
-- column dimension text: whose budget: of a value of this dimension; NULL = of the whole project
-- column dimension_value text: which value; empty = calls that have none, or the whole project
-- column valid_from date: first day of the first month that it holds for
-- column status text: set, or removed: there is none from that month on
-- column monthly_usd usd: what a month may cost; NULL when removed
-- column soft_share share: of that: spent so much, it is worth a look
-- column hard_share share: of that: spent so much, the budget is exceeded
-- column note text: why
-- column received_at time: when it was recorded
-- column recorded_by text: by whom
select
    budget_key,
    dimension,
    coalesce(dimension_value, '') as dimension_value,
    valid_from,
    status,
    cast(monthly_usd as decimal(38, 12)) as monthly_usd,
    soft_share,
    hard_share,
    note,
    received_at,
    recorded_by
from budgets
where project = $scope
order by received_at desc, budget_key desc

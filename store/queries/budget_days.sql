-- purpose: What each day cost for the budgets of one dimension: the days of a UTC month, and the eight weeks before it for a forecast.
-- param month date: first day of the month
-- param dimension text optional: whose budgets, as the query `budgets` names it; not given = that of the whole project
-- column dimension_value text: whose budget; empty = calls that have none, or the whole project
-- column day date: UTC; days without calls have no row
-- column n_calls calls: model calls, failed ones included
-- column n_priced calls: of these, with a known cost
-- column n_unpriced calls: of these, with usage that no price was found for
-- column tokens tokens: known input and output
-- column priced_tokens tokens: of the tokens, in calls with a known cost
-- column cost_usd usd: sum of the known costs, as we pay them (effective); NULL when none is known
select
    coalesce(value, '') as dimension_value,
    cast(bucket_at as date) as day,
    cast(sum(n_calls) as bigint) as n_calls,
    cast(sum(n_priced) as bigint) as n_priced,
    cast(sum(n_unpriced) as bigint) as n_unpriced,
    cast(sum(tokens) as bigint) as tokens,
    cast(coalesce(sum(priced_tokens), 0) as bigint) as priced_tokens,
    cast(sum(cost_usd) as decimal(38, 12)) as cost_usd
from window_tallies(
    $scope, cast($month as date) - interval 56 days, cast($month as date) + interval 1 month, 1440, null, null, null, null, null, null,
    $dimension, null
)
where coalesce(value, '') in (
    select dimension_value
    from budgets_in_force($scope, cast($month as date))
    where coalesce(dimension, '') = coalesce($dimension, '')
)
group by all
order by dimension_value, day

-- purpose: The UTC months that have calls, newest first.
-- column month date: first day of the month
-- column n_calls calls: model calls in it
select
    cast(date_trunc('month', started_at) as date) as month,
    cast(count(*) as bigint) as n_calls
from calls
where project = $scope
group by all
order by month desc

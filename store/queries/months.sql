-- purpose: The UTC months that have calls, newest first.
-- column month date: first day of the month
-- column n_calls calls: model calls in it
select
    cast(date_trunc('month', bucket_at) as date) as month,
    cast(sum(n_calls) as bigint) as n_calls
from window_tallies($scope, null, null, 1440, null, null, null, null, null, null, null, null)
group by all
order by month desc

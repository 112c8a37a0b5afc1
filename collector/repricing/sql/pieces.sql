-- purpose: Where the pieces of a repricing begin: each has about $n_calls calls, at least a second, and nothing is cut within a
-- second. Counting by seconds first takes a third of the time of sorting the calls (3M).
with seconds as (
    select date_trunc('second', started_at) as began_at, count(*) as n_calls
    from calls_in_scope($project, $since, $until, $known_at, $provider, $model, $model_prefix, $tenant, $statuses)
    group by began_at
),
numbered as (
    select began_at, cast(sum(n_calls) over (order by began_at) - n_calls as bigint) // $n_calls as piece
    from seconds
)
select min(began_at) as began_at, max(began_at) + interval 1 second as until
from numbered
group by piece
order by piece

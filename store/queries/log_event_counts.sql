-- purpose: Which log events arrived, how many, and when last.
-- param since time optional: from this moment on
-- param until time optional: up to, not including, this moment
-- column event_name text: which event; NULL for plain log lines
-- column service_name text: which service sent it
-- column scope_name text: which library or agent wrote it
-- column n_records records: how many
-- column first_at utc: when the first happened
-- column last_at utc: when the last happened
select
    event_name,
    service_name,
    scope_name,
    cast(count(*) as bigint) as n_records,
    min(occurred_at) as first_at,
    max(occurred_at) as last_at
from log_records
where project = $scope
    and ($since is null or occurred_at >= $since)
    and ($until is null or occurred_at < $until)
group by event_name, service_name, scope_name
order by last_at desc, event_name, service_name, scope_name

-- purpose: What was refused or could not be read, and why; the most first.
-- param since time: what counts as recent
-- column signal text: traces, logs, metrics or records
-- column reason text: why
-- column n_items items: refused
-- column last_received_at utc: the newest of them
select
    signal,
    reason,
    cast(sum(n_items) as bigint) as n_items,
    max(received_at) as last_received_at
from rejects
where project = $scope
    and received_at >= $since
group by all
order by n_items desc, signal, reason

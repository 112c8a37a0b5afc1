-- purpose: What was refused or could not be read, why and where from; the newest kinds first.
-- param since time: what counts as recent
-- column signal text: traces, logs, metrics, records, or segment for a file of the spool
-- column reason text: why and where from, without the counts of one request
-- column n_refusals requests: that were refused or held something that was; the reporting of a kind is capped
-- column n_items items: refused; NULL when whole requests were, of which nobody knows what they held
-- column last_received_at utc: the newest of them
select
    signal,
    -- 'invalid trace id: 3 (service shop)' and '… : 5 (service shop)' are one kind, and so is one fault of many files.
    regexp_replace(
        reason, '^[^ ]+\.seg: | \(and [0-9]+ more requests like it.*\)$|: [0-9]+( \(|;|$)', '\1', 'g'
    ) as reason,
    cast(count(*) as bigint) as n_refusals,
    cast(sum(n_items) as bigint) as n_items,
    max(received_at) as last_received_at
from rejects
where project = $scope
    and received_at >= $since
group by all
order by last_received_at desc, signal, 2
limit 100

-- purpose: Append the new charge of every call that this repricing changes; also where nothing but its tenant changed, so that
-- the charges of a repricing are all that it did.
-- input: `compared`, `charged`.
insert into charges by name
select
    charged.*,
    compared.day,
    coalesce(compared.seq, 0) + 1 as seq,
    compared.seq as supersedes,
    $pricing_run as pricing_run,
    $now as recorded_at
from compared
join charged
    on charged.project = compared.project
    and charged.trace_id = compared.trace_id
    and charged.span_id = compared.span_id
where compared.is_different
-- The calls of a trace side by side are a third of the size.
order by compared.row

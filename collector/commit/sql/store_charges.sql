-- purpose: Append the charges of this commit: one for each call with a known cost, and one for each call whose
-- earlier charge no longer stands because a fuller body of the span replaced it.
-- input: `charged`, `settled`, `rivals`.
insert into charges by name
with replaced as (
    select charges.project, charges.trace_id, charges.span_id, max(charges.seq) as seq
    from charges
    join rivals using (project, day, trace_id, span_id)
    where rivals.fresh_stays
    group by charges.project, charges.trace_id, charges.span_id
)
select
    charged.*,
    fresh.day,
    'USD' as currency,
    'ingest' as pricing_run,
    coalesce(replaced.seq, 0) + 1 as seq,
    replaced.seq as supersedes,
    $now as recorded_at
from charged
join settled as fresh using (project, trace_id, span_id)
left join replaced using (project, trace_id, span_id)
where fresh.row not in (select row from dropped)
    and (charged.list_cost_usd is not null or replaced.seq is not null)
-- In order of arrival, as joins leave them in none: the calls of a trace side by side are a third of the size.
order by fresh.row
